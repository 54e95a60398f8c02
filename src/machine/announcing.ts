import type { AnnouncementFailure } from '../mcp/announcements/plan.ts';
import type { DeviceContext } from './context.ts';

/** Actions for: the announcement is being spoken, its mail leaves the box. */
export const announced = [
  {
    type: 'noteAnnouncement',
    params: ({ context }: { context: DeviceContext }) => ({
      phase: 'spoken' as const,
      announcement: context.announcement,
    }),
  },
  'removeAnnounced',
] as const;

/** Actions for: it was not spoken; the mail stays, the next try comes later or by another way. */
export function failAnnouncement(failure: AnnouncementFailure) {
  return [
    {
      type: 'noteAnnouncement',
      params: ({ context }: { context: DeviceContext }) => ({
        phase: 'failed' as const,
        announcement: context.announcement,
      }),
    },
    { type: 'countAnnouncementFailure', params: { failure } },
  ] as const;
}
