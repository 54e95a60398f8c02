import { describe, expect, test } from 'vitest';
import type { DeviceEvent } from '../../src/machine/events.ts';
import { statusFor } from '../../src/machine/projections.ts';
import { completed, elapsed, opened, play, playFrom, toggled } from './play.ts';

const changed: DeviceEvent = { type: 'tools.changed' };
const unread: DeviceEvent = { type: 'tools.unread' };
const read: DeviceEvent = { type: 'tools.read' };
const linkUp: DeviceEvent = { type: 'link.up' };
const reread = elapsed('listReread', 'device.online.toolList.told');
const session = 'device.online.conversation.connected.session';
const settledStandby = elapsed('idleSettle', 'device.online.conversation.standby.settling');
const settledIdle = elapsed('idleSettle', `${session}.idle.settling`);
/** An answer to a typed question has been heard; the channel is kept. */
const answered: readonly DeviceEvent[] = [
  { type: 'text.submitted', text: 'hello' },
  opened,
  { type: 'tts.started' },
  { type: 'tts.stopped' },
  { type: 'playback.drained' },
];
const ofToolList = (events: readonly DeviceEvent[]) => play(events).snapshot.value as { online: unknown };

describe('other tools than the server has read', () => {
  test('are compared when nobody has talked for a moment, and the channel is closed for them', () => {
    const settled = play([...answered, settledIdle, changed, reread]);
    expect(settled.effects).toEqual(['compareToolLists']);
    const after = playFrom(settled.snapshot, [unread]);
    expect(after.snapshot.matches({ online: { conversation: 'standby', toolList: 'met' } })).toBe(true);
  });

  test('need nothing when the server has read the list again', () => {
    const after = play([...answered, settledIdle, changed, reread, read]);
    expect(after.snapshot.matches({ online: { toolList: 'current' } })).toBe(true);
    expect(after.snapshot.hasTag('session')).toBe(true);
  });

  test('wait for the end of a conversation, however often they change in it', () => {
    const looking = play([toggled, opened, changed, reread, changed, reread]);
    expect(looking.effects).toEqual(['compareToolLists']);
    const talking = playFrom(looking.snapshot, [unread]);
    expect(talking.effects).toEqual(['noteUnreadList']);
    expect(talking.snapshot.matches({ online: { toolList: 'outdated' } })).toBe(true);
    expect(statusFor(playFrom(talking.snapshot, [unread]).snapshot)).toBe('listening');
    const quiet = playFrom(talking.snapshot, [toggled, settledStandby]);
    expect(quiet.effects).toContain('compareToolLists');
  });

  test('wait on when somebody begins to talk at this very moment', () => {
    const comparing = play([...answered, settledIdle, changed, reread]).snapshot;
    const talking = playFrom(comparing, [toggled, unread]).snapshot;
    expect(statusFor(talking)).toBe('listening');
    expect(talking.matches({ online: { toolList: 'outdated' } })).toBe(true);
  });

  test('come after mail that is waiting to be told', () => {
    const telling = play([...answered, changed, reread, unread, completed('a'), settledIdle]).snapshot;
    expect(statusFor(telling)).toBe('announcing');
    expect(telling.matches({ online: { toolList: 'outdated' } })).toBe(true);
  });

  test('bring a control link down and up again', () => {
    const comparing = play([linkUp, settledStandby, changed, reread]).snapshot;
    expect(comparing.matches({ online: { link: { attached: 'up' } } })).toBe(true);
    expect(
      playFrom(comparing, [unread]).snapshot.matches({ online: { link: { attached: 'connecting' } } }),
    ).toBe(true);
  });

  test('that never stop changing bring the link down once in half a minute, and the last of them is not forgotten', () => {
    const met = play([linkUp, settledStandby, changed, reread, unread, changed]).snapshot;
    expect(met.matches({ online: { toolList: 'met' } })).toBe(true);
    const rested = playFrom(met, [elapsed('listRest', 'device.online.toolList.met')]);
    expect(rested.effects).toEqual(['compareToolLists']);
    expect(playFrom(rested.snapshot, [unread]).snapshot.matches({ online: { toolList: 'met' } })).toBe(true);
    expect(playFrom(rested.snapshot, [read]).snapshot.matches({ online: { toolList: 'current' } })).toBe(
      true,
    );
  });

  test('that change again while they are compared are told again', () => {
    const again = ofToolList([settledStandby, changed, reread, changed]);
    expect(again.online).toMatchObject({ toolList: 'told' });
  });
});
