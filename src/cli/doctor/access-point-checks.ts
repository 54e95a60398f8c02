import { dial, type SocketEnd } from '../../adapters/outbound-link/dialled-socket.ts';
import { whyUnanswered } from '../../adapters/outbound-link/outbound-link.ts';
import { stateLockHolder } from '../../adapters/storage/state-lock.ts';
import { parseAccessPoints } from '../../config/access-points.ts';
import { readAuthorities } from '../../config/authorities.ts';
import type { Config } from '../../config/schema.ts';
import { monotonicClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { createQuote } from '../../core/quoting.ts';
import { secretsOfConnection, shownConnection } from '../../core/secrets.ts';
import { type Finding, note, ok } from './finding.ts';

const SUBJECT = 'Access point';
/** Brokers that refuse a token do so right behind the upgrade (mcp.md 2). */
const refusalMs = 500;

type AccessPoint = ReturnType<typeof parseAccessPoints>['definitions'][number];

/**
 * Whether each access point takes this device. A running one is not asked behind its back: a second connection with its
 * token would push it out. Notes at most: the device works without them.
 */
export async function checkAccessPoints(config: Config, stateDirectory: string): Promise<Finding[]> {
  const { definitions } = parseAccessPoints(config.mcpEndpoint);
  if (definitions.length === 0) return [];
  const holder = await stateLockHolder(stateDirectory).catch(() => undefined);
  if (holder !== undefined) {
    const text = `not asked: the running device, process ${holder}, would lose its connection.`;
    return [note(SUBJECT, text, 'What it says of them is in its log and at GET /v1/access-points.')];
  }
  return Promise.all(definitions.map(checkOne));
}

async function checkOne({ name, url, caFile }: AccessPoint): Promise<Finding> {
  const label = name === '' ? shownConnection(url) : `${name} at ${shownConnection(url)}`;
  try {
    const ca = caFile !== undefined && url.startsWith('wss:') ? readAuthorities(caFile, 'caFile') : undefined;
    const end = await knock(url, ca);
    if (end === 'taken') return ok(SUBJECT, `${label} takes this device`);
    const reason = createQuote(secretsOfConnection(url))(end.reason);
    if (end.livedMs !== undefined || end.httpStatus === 401 || end.httpStatus === 403)
      return note(
        SUBJECT,
        `${label} refuses this device${reason && `: ${reason}`}.`,
        'Copy its address and token again.',
      );
    return note(
      SUBJECT,
      `${label} cannot be reached: ${whyUnanswered(end, reason)}.`,
      'Check its address in mcpEndpoint, and your network.',
    );
  } catch (thrown) {
    return note(SUBJECT, `${label} cannot be asked: ${messageOf(thrown)}`);
  }
}

function knock(url: string, ca: readonly string[] | undefined): Promise<SocketEnd | 'taken'> {
  return new Promise((resolve) => {
    let taken: unknown;
    const socket = dial({ url, ...(ca && { ca }) }, monotonicClock, {
      onOpen: () => {
        taken = monotonicClock.setTimeout(() => {
          resolve('taken');
          socket.hangUp();
        }, refusalMs);
      },
      onText: () => {},
      onBinary: () => {},
      onEnd: (end) => {
        monotonicClock.clearTimeout(taken);
        resolve(end);
      },
    });
  });
}
