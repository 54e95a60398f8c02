import { onHeard } from '../announcing.ts';
import type { DeviceContext } from '../context.ts';
import { deviceSetup } from '../setup.ts';
import { beginConversation } from './beginning.ts';

/** Chime, screen, and a voice where there is one. */
export const playNotice = [
  'planAnnouncement',
  {
    type: 'playNotice',
    params: ({ context }: { context: DeviceContext }) => ({ announcement: context.announcement }),
  },
] as const;

/** The server does not speak of results, so the device does it alone, here without a channel. */
export const announcingLocally = deviceSetup.createStateConfig({
  id: 'announcingLocally',
  tags: ['downlink', 'wake-word'],
  entry: playNotice,
  after: { localNotice: '#standby' },
  on: {
    ...beginConversation,
    'playback.started': { actions: 'noteSounded' },
    'playback.heard': onHeard,
    'playback.drained': '#standby',
  },
});
