/**
 * When an idle device speaks up by itself: after the quiet has settled, when there is mail, outside the quiet hours.
 * `target`: where the server is asked to speak.
 */
export function speakingUp<Target extends string>(target: Target) {
  return {
    settling: { after: { idleSettle: 'ready' } },
    ready: {
      always: [
        { guard: 'mustKeepQuiet', target: 'quiet' },
        { guard: 'announcesLocally', target: '#announcingLocally' },
        { guard: 'hasMail', target },
      ],
    },
    /** Mail waits for the end of the quiet hours. */
    quiet: { after: { quietHours: 'ready' } },
  } as const;
}
