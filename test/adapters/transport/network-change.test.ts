import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { TransportChooser } from '../../../src/adapters/transport/choose-transport.ts';
import { openRecorded } from '../../contract/session-transport.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startPushingBroker } from '../../support/message-broker.ts';
import { startScriptedServer, until } from '../../support/scripted-server.ts';
import { device, helloOf } from './websocket-bench.ts';

function chooser(clock: FakeClock) {
  return new TransportChooser(
    {
      ...device,
      uplink: { sampleRateHz: 16_000, frameDurationMs: 60 },
      handshakeTimeoutMs: 10_000,
      helloTimeoutMs: 10_000,
      pingIntervalMs: 45_000,
      idleTimeoutMs: 0,
      clock,
    },
    { transport: 'auto' },
  );
}

/** The answer comes back. */
async function loopTurns(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await nextTurn();
}

it('over WebSocket a connection that leads nowhere any more is lost five seconds after the network has changed, though nobody says anything', async () => {
  const clock = new FakeClock();
  const server = await startScriptedServer({ onText: (peer) => peer.send(helloOf()) });
  onTestFinished(() => server.stop());
  const transports = chooser(clock);
  await transports.use({ websocket: { url: server.url, token: '', version: 1 } });
  const transport = transports.create();
  const record = openRecorded(transport);
  await until(() => record.sessions.length > 0);

  let pings = 0;
  server.peers[0]?.socket.on('ping', () => {
    pings += 1;
  });
  transports.checkLife();
  await until(() => pings > 0);
  await loopTurns();
  await clock.advanceAsync(5_000);
  expect(record.ends).toEqual([]);

  server.peers[0]?.connection.pause();
  await clock.advanceAsync(1_000);
  transports.checkLife();
  await clock.advanceAsync(4_900);
  expect(record.ends).toEqual([]);
  await clock.advanceAsync(200);
  expect(record.ends).toMatchObject([{ error: { code: 'TRANSPORT_CLOSED', retryable: true } }]);
});

it('over MQTT the control link is asked, too', async () => {
  const clock = new FakeClock();
  const broker = await startPushingBroker();
  onTestFinished(() => broker.stop());
  const transports = chooser(clock);
  await transports.use({ mqtt: broker.endpointOf('d') });
  const ends: unknown[] = [];
  const link = transports.createLink();
  link?.open({ onUp: () => {}, onMessage: () => {}, onProblem: () => {}, onEnd: (end) => ends.push(end) });
  await until(() => broker.clientIds.includes('d'));
  await clock.advanceAsync(2_000);
  transports.checkLife();
  await until(() => broker.pings > 0);
  await loopTurns();
  await clock.advanceAsync(5_000);
  expect(ends).toEqual([]);
  broker.hold('d');
  await clock.advanceAsync(1_000);
  transports.checkLife();
  await clock.advanceAsync(5_100);
  expect(ends).toMatchObject([{ error: { code: 'TRANSPORT_CLOSED' } }]);
  await link?.close();
});
