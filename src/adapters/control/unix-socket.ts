import { once } from 'node:events';
import { lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';

/**
 * Listens on a socket that only its owner can open. What a dead process has left there is replaced.
 * @throws ClientError CONTROL_UNAVAILABLE when a living process has it, or something else is there
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await removeStale(path);
    await listenForOwner(server, path);
  } catch (thrown) {
    throw thrown instanceof ClientError ? thrown : unavailable(path, messageOf(thrown), thrown);
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) throw unavailable(path, 'something else has this name');
  if (await isAlive(path)) throw unavailable(path, 'another program listens there');
  await unlink(path);
}

function isAlive(path: string): Promise<boolean> {
  const socket = connect(path);
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

/** The socket is made within `listen`: there is no moment at which others could open it. */
async function listenForOwner(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await once(server, 'listening');
}

/** Takes away the socket that one of these servers listens on: from now on nobody finds it. Never rejects. */
export async function removeOwnSocket(path: string, servers: readonly Server[]): Promise<void> {
  if (servers.some((server) => server.address() === path)) await unlink(path).catch(() => {});
}

function unavailable(path: string, why: string, cause?: unknown): ClientError {
  return new ClientError(
    ErrorCode.controlUnavailable,
    `The control API cannot listen on ${path} (${why}); the device goes on without it. Name another path with control.socket, or switch it off with control.enabled.`,
    { cause },
  );
}
