import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openRecorded } from '../../contract/session-transport.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startPushingBroker } from '../../support/message-broker.ts';
import { type ScriptedGateway, startScriptedGateway } from '../../support/scripted-gateway.ts';
import { until } from '../../support/scripted-server.ts';
import { mqttHub } from './mqtt-bench.ts';

const serverName = 'gateway.test';
let address = '';
let looked = 0;
const gateways: ScriptedGateway[] = [];

beforeEach(() => {
  const real = dns.lookup;
  looked = 0;
  vi.spyOn(dns, 'lookup').mockImplementation(((host: string, ...rest: unknown[]) => {
    if (host === serverName) looked += 1;
    return (real as (...all: unknown[]) => void)(host === serverName ? address : host, ...rest);
  }) as typeof dns.lookup);
  syncBuiltinESMExports();
});
afterEach(async () => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  for (const gateway of gateways.splice(0)) await gateway.stop();
});

/** A gateway that calls itself by name, at one address of this machine. */
async function startAt(host: string, port = 0): Promise<ScriptedGateway> {
  const gateway = await startScriptedGateway(await startPushingBroker({ host, port }));
  gateways.push(gateway);
  gateway.onText = (peer, text) => {
    if (text.includes('"hello"')) peer.sayHello(`at ${host}`, undefined, { server: serverName });
  };
  return gateway;
}

it('a server that has moved to another address is found there', async () => {
  const first = await startAt('127.0.0.1');
  await startAt('127.0.0.2', first.broker.port);
  const hub = mqttHub(first.broker, new FakeClock(), {
    endpoint: { ...first.broker.endpointOf('device-1'), endpoint: `${serverName}:${first.broker.port}` },
  });
  const sessionIds: (string | undefined)[] = [];
  for (const host of ['127.0.0.1', '127.0.0.2']) {
    address = host;
    const transport = hub.create();
    const record = openRecorded(transport);
    await until(() => record.sessions.length > 0);
    sessionIds.push(record.sessions[0]?.sessionId);
    await transport.close();
  }
  // Once for the broker and once for the audio, each time.
  expect([sessionIds, looked]).toEqual([['at 127.0.0.1', 'at 127.0.0.2'], 4]);
});
