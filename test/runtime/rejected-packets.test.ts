import { expect, it } from 'vitest';
import type { SessionTransport } from '../../src/ports/session-transport.ts';
import { RejectedPackets } from '../../src/runtime/rejected-packets.ts';

const channel = (rejected?: Record<string, number>) => ({ rejected }) as unknown as SessionTransport;

it('rejected packets of all channels are added up, and a channel that has ended counts no further', () => {
  const all = new RejectedPackets();
  const seen = { replay: 2 };
  const [first, second, third] = [channel(seen), channel({ replay: 1, short: 4 }), channel()];
  for (const each of [first, second, third]) all.follow(each);
  expect(all.counts).toEqual({ replay: 3, short: 4 });
  all.settle(first);
  seen.replay = 100;
  all.settle(first);
  expect(all.counts).toEqual({ replay: 3, short: 4 });
});
