import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseWav, readWavFile } from '../adapters/audio/wav-file.ts';
import { createEspeak } from '../adapters/speech/espeak.ts';
import { loadOpusCodec } from '../app-codec.ts';
import { type Clock, monotonicClock } from '../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { parseImpairment } from '../demo-server/impairment.ts';
import { parseScript, type Script } from '../demo-server/script.ts';
import { createDemoServer, type DemoServer, type DemoServerOptions } from '../demo-server/server.ts';

export interface DemoServerSetup extends Omit<DemoServerOptions, 'script' | 'impairment'> {
  /** Path of a scripted conversation. */
  readonly script?: string | undefined;
  /** A bad network, as `parseImpairment` reads it. */
  readonly impair?: string | undefined;
}

/**
 * The embedded demo server with what it needs from this machine: codec, WAV files, and a voice where espeak-ng is
 * installed. Not started yet.
 * @throws ClientError OPUS_UNAVAILABLE, or CONFIG_UNREADABLE and CONFIG_INVALID for a script that cannot be used.
 */
export async function composeDemoServer(
  { script: scriptPath, impair, ...options }: DemoServerSetup,
  logger: Logger,
  clock: Clock = monotonicClock,
): Promise<DemoServer> {
  const impairment = impair === undefined ? undefined : parseImpairment(impair);
  const [codec, script] = await Promise.all([loadOpusCodec(), scriptPath && loadScript(scriptPath)]);
  const baseDirectory = scriptPath ? dirname(scriptPath) : '.';
  return createDemoServer(
    { ...options, impairment, ...(script && { script }) },
    {
      codec,
      clock,
      logger,
      loadWav: (path) => readWavFile(resolve(baseDirectory, path)),
      synthesize: createEspeak({ parseWav: (bytes) => parseWav(bytes, 'espeak-ng') }),
    },
  );
}

async function loadScript(path: string): Promise<Script> {
  const json = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ClientError(
      ErrorCode.configUnreadable,
      `The script ${path} cannot be read: ${messageOf(cause)}. Check the path and its permissions.`,
      { cause },
    );
  });
  return parseScript(json, path);
}
