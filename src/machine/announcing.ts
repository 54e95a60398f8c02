import type { AnnouncementFailure } from '../mcp/announcements/plan.ts';
import type { DeviceContext } from './context.ts';
import type { DeviceEvent } from './events.ts';
import { deviceSetup, isUnheard, textWayOf } from './setup.ts';

/** Actions for: the announcement has been heard, its mail leaves the box. */
const announced = [
  {
    type: 'noteAnnouncement',
    params: ({ context }: { context: DeviceContext }) => ({
      phase: 'spoken' as const,
      announcement: context.announcement,
    }),
  },
  'removeAnnounced',
] as const;

/** When enough of a notice has been played. */
export const onHeard = { guard: 'isUnheard', actions: announced } as const;

/** Somebody came first: that is no failure of the way it was told. */
const interruptions: ReadonlySet<string> = new Set([
  'talk.toggled',
  'talk.pressed',
  'wake.detected',
  'text.submitted',
  'speech.started',
  'tts.started',
]);

function failureOf({ type }: DeviceEvent): AnnouncementFailure | undefined {
  if (interruptions.has(type)) return undefined;
  if (type === 'alert.received') return 'refused';
  return type.startsWith('channel.') ? 'no-channel' : 'no-reply';
}

/**
 * On entry wherever no announcement is under way any more: one that was not heard stays in the box, and when some of it
 * has sounded, the next telling says that it may be a repetition.
 */
export const settleAnnouncement = deviceSetup.enqueueActions(({ context, event, enqueue }) => {
  const { announcement } = context;
  if (!announcement) return;
  if (isUnheard(context)) {
    enqueue({ type: 'noteAnnouncement', params: { phase: 'failed', announcement } });
    if (announcement.sounded) enqueue('doubtAnnounced');
    const failure = failureOf(event);
    if (failure !== undefined) enqueue({ type: 'countAnnouncementFailure', params: { failure } });
  }
  enqueue('forgetAnnouncement');
});

/** The server has answered a text: texts go this way from now on, and after a restart. */
export const learnTextWay = deviceSetup.enqueueActions(({ context, enqueue }) => {
  const way = textWayOf(context);
  if (context.knownTextWay !== way && context.settings.textWays.length > 1)
    enqueue({ type: 'rememberTextWay', params: { way } });
  enqueue('knowTextWay');
});
