import { lookup } from 'node:dns/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createOtaClient } from '../../adapters/provisioning/ota-client.ts';
import { requestFailure, showUrl } from '../../adapters/provisioning/ota-failure.ts';
import { createJsonFileStorage } from '../../adapters/storage/json-file.ts';
import { readAuthorities } from '../../config/authorities.ts';
import type { Environment } from '../../config/environment.ts';
import { type IdentityStore, openIdentity } from '../../config/identity.ts';
import { resolveLanguage } from '../../config/language.ts';
import { stateDirectory } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { parseServerAddress } from '../../config/server-address.ts';
import { monotonicClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { programVersion } from '../../core/version.ts';
import type { ProvisioningAnswer } from '../../ports/provisioning.ts';

import { type Finding, fault, note, ok } from './finding.ts';

const LIMIT_MS = 10_000;
const SUBJECT = 'Network';
const OTA = 'OTA server';

/** Name, connection, TLS and, where there is one, the OTA server's answer, each with its time. */
export async function checkNetwork(config: Config, env: Environment, stop: AbortSignal): Promise<Finding[]> {
  const address = parseServerAddress(config.server.url);
  if (address === undefined || address.kind === 'embedded')
    return [ok(SUBJECT, 'not needed: the demo server is in this process')];
  const target = new URL(address.kind === 'mqtt' ? `mqtt://${address.endpoint}` : address.url);
  const { caFile } = config.server;
  let authorities: readonly string[] | undefined;
  try {
    authorities = caFile === undefined ? undefined : readAuthorities(caFile, 'server.caFile');
  } catch (error) {
    return [fault(SUBJECT, messageOf(error))];
  }
  const reached = await checkReachable(target, authorities);
  if (address.kind !== 'ota') return reached;
  if (reached.some(({ level }) => level === 'fault'))
    return await withRemembered(reached, config, env, address.url);
  return [...reached, await checkOta(config, env, address.url, authorities, stop)];
}

async function checkReachable(target: URL, authorities: readonly string[] | undefined): Promise<Finding[]> {
  // An IPv6 address stands in brackets in a URL and without them everywhere else.
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const secure = target.protocol === 'https:' || target.protocol === 'wss:';
  const port = Number(target.port || defaultPort(target.protocol));
  try {
    const found = await timed(() => lookup(host));
    const connected = await timed(() => tryConnection(host, port, secure ? { authorities } : undefined));
    const how = secure ? 'TLS connection' : 'connection';
    return [
      ok(SUBJECT, `${host} is ${found.value.address} (${found.ms} ms)`),
      ok(SUBJECT, `${how} to ${host}:${port} (${connected.ms} ms)`),
    ];
  } catch (cause) {
    return [fault(SUBJECT, requestFailure(target.href, cause).message)];
  }
}

function defaultPort(protocol: string): number {
  if (protocol === 'mqtt:') return 8883;
  return protocol === 'https:' || protocol === 'wss:' ? 443 : 80;
}

async function tryConnection(
  host: string,
  port: number,
  tls?: { authorities: readonly string[] | undefined },
): Promise<void> {
  const ca = tls?.authorities && [...tls.authorities];
  const servername = /^[\d.]+$|:/.test(host) ? '' : host;
  await new Promise<void>((resolve, reject) => {
    const socket: Socket = tls
      ? connectTls({ host, port, servername, ...(ca && { ca }) }, resolve)
      : connectTcp({ host, port }, resolve);
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`no connection within ${LIMIT_MS / 1000} s`)));
    socket.on('error', reject).once('close', () => reject(new Error('connection closed')));
    socket.once(tls ? 'secureConnect' : 'connect', () => socket.destroy());
  });
}

async function checkOta(
  config: Config,
  env: Environment,
  url: string,
  authorities: readonly string[] | undefined,
  stop: AbortSignal,
): Promise<Finding> {
  try {
    const store = await openStore(config, env);
    const client = createOtaClient({
      url,
      device: {
        ...store.identity,
        boardType: config.identity.boardType,
        boardName: config.identity.boardName,
        language: resolveLanguage(config.display.language, env),
        version: programVersion,
      },
      authorities,
      wrapActivationPayload: config.server.wrapActivationPayload,
      clock: monotonicClock,
    });
    const signal = AbortSignal.any([stop, AbortSignal.timeout(LIMIT_MS)]);
    const { value, ms } = await timed(() => client.check(signal));
    return answerFinding(client.url, value, ms);
  } catch (error) {
    return fault(OTA, messageOf(error));
  }
}

function answerFinding(
  url: string,
  { websocket, mqtt, activation }: ProvisioningAnswer,
  ms: number,
): Finding {
  const offers = [
    ...(mqtt ? [`MQTT at ${mqtt.endpoint}`] : []),
    ...(websocket ? [`WebSocket at ${showUrl(websocket.url)}`] : []),
  ];
  const text = `${url} answered in ${ms} ms and offers ${offers.join(' and ') || 'no connection'}`;
  if (activation)
    return note(
      OTA,
      `${text}. This device is not activated yet.`,
      `Add it in the server's console${activation.code ? ` with the code ${activation.code}` : ''}.`,
    );
  if (offers.length === 0)
    return fault(
      OTA,
      `${text}.`,
      "Set the server's own address in its settings, or server.websocketUrl here.",
    );
  return ok(OTA, text);
}

/** A device that has been told once where to connect starts without the OTA server. */
async function withRemembered(
  findings: readonly Finding[],
  config: Config,
  env: Environment,
  url: string,
): Promise<Finding[]> {
  const remembered = await openStore(config, env).then(
    (store) => store.recall(url) !== undefined,
    () => false,
  );
  if (!remembered) return [...findings];
  const milder = findings.map((finding): Finding => ({ ...finding, level: 'note' }));
  return [...milder, note(OTA, 'not reached; the device starts with its last good answer.')];
}

function openStore(config: Config, env: Environment): Promise<IdentityStore> {
  const storage = createJsonFileStorage({ directory: stateDirectory(config, env), onDamaged: () => {} });
  return openIdentity(storage, config.identity, () => {});
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startMs = monotonicClock.now();
  const value = await work();
  return { value, ms: Math.round(monotonicClock.now() - startMs) };
}
