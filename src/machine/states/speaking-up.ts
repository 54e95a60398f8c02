/**
 * When an idle device speaks up by itself: after the quiet has settled, when there is mail, outside the quiet hours.
 * `target`: where the server is asked to speak · `local`: where the device tells it alone.
 */
export function speakingUp<Target extends string, Local extends string>(target: Target, local: Local) {
  const tags = ['idle', 'wake-word'] as const;
  return {
    settling: { tags, after: { idleSettle: 'ready' } },
    ready: {
      tags,
      always: [
        { guard: 'mustKeepQuiet', target: 'quiet' },
        { guard: 'announcesLocally', target: local },
        { guard: 'mayTell', target, actions: 'useManualMode' },
      ],
    },
    /** Mail waits for the end of the quiet hours. */
    quiet: { tags, after: { quietHours: 'ready' } },
  } as const;
}
