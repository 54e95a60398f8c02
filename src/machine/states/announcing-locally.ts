import { announced, failAnnouncement } from '../announcing.ts';
import { deviceSetup } from '../setup.ts';
import { beginConversation } from './beginning.ts';

/** The server does not speak of results, so the device does it alone: chime, screen, and a voice where there is one. */
export const announcingLocally = deviceSetup.createStateConfig({
  id: 'announcingLocally',
  tags: ['downlink', 'wake-word'],
  entry: [
    'planAnnouncement',
    { type: 'playNotice', params: ({ context }) => ({ announcement: context.announcement }) },
  ],
  after: { localNotice: { target: '#standby', actions: failAnnouncement('no-reply') } },
  on: { ...beginConversation, 'playback.drained': { target: '#standby', actions: announced } },
});
