import { readFile } from 'node:fs/promises';
import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Provisioning } from '../../ports/provisioning.ts';
import { type HttpAnswer, httpPost } from './http-post.ts';
import { parseOtaAnswer } from './ota-answer.ts';
import { requestFailure, showUrl, statusFailure } from './ota-failure.ts';
import { activateBody, activateUrl, checkBody, type OtaDevice, otaHeaders } from './ota-request.ts';
import { readSystemFacts, type SystemFacts } from './system-facts.ts';

/** Firmware A13. */
const LIMIT_MS = 30_000;
/** Real answers have about 1 KiB. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Firmware A10. */
const SHORTEST_URL = 10;

export interface OtaClientSettings {
  /** `http(s)://…/ota/`. */
  readonly url: string;
  readonly device: OtaDevice;
  /** PEM file trusted in addition to the usual authorities. */
  readonly caFile?: string | undefined;
  /** Activation body inside `{"Payload": …}` (I21). */
  readonly wrapActivationPayload: boolean;
  readonly clock: Clock;
  /** Wall clock, ms since 1970. */
  readonly wallClock?: () => number;
  readonly systemFacts?: () => Promise<SystemFacts>;
}

/**
 * Asks an OTA server over HTTP where to connect, and activates the device there (firmware A10–A25, A44–A48).
 * Retries are the caller's.
 * @throws ClientError CONFIG_INVALID when the URL cannot be one.
 */
export function createOtaClient(settings: OtaClientSettings): Provisioning {
  const { url, device, wallClock = Date.now, systemFacts = readSystemFacts } = settings;
  if (url.length < SHORTEST_URL || !/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw new ClientError(
      ErrorCode.configInvalid,
      `server.url is no OTA address: found “${showUrl(url)}”, allowed is an http(s)://…/ota/ URL.`,
    );

  const post = async (target: string, body: string, signal: AbortSignal): Promise<HttpAnswer> =>
    await httpPost({
      url: target,
      headers: otaHeaders(device),
      body,
      authorities: await readAuthorities(settings.caFile, target),
      limitMs: LIMIT_MS,
      maxBodyBytes: MAX_ANSWER_BYTES,
      clock: settings.clock,
      signal,
    });

  return {
    url: showUrl(url),

    check: async (signal) => {
      const body = checkBody(device, await systemFacts());
      const answer = await post(url, body, signal).catch((cause) => {
        signal.throwIfAborted();
        throw cause instanceof ClientError ? cause : requestFailure(url, cause);
      });
      if (answer.status !== 200) throw statusFailure(url, answer);
      return parseOtaAnswer(answer.body, {
        url: showUrl(url),
        nowMs: wallClock(),
        version: device.version,
      });
    },

    activate: async ({ challenge }, signal) => {
      if (!challenge) return 'failed';
      const body = activateBody(device, challenge, settings.wrapActivationPayload);
      try {
        const { status } = await post(activateUrl(url), body, signal);
        if (status === 200) return 'activated';
        return status === 202 ? 'pending' : 'failed';
      } catch {
        signal.throwIfAborted();
        return 'failed';
      }
    },
  };
}

async function readAuthorities(
  file: string | undefined,
  url: string,
): Promise<readonly string[] | undefined> {
  if (file === undefined || !/^https:/i.test(url)) return undefined;
  const { rootCertificates } = await import('node:tls');
  return [...rootCertificates, await readPem(file)];
}

async function readPem(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error(`${file} holds no PEM certificate`);
    return text;
  } catch (cause) {
    throw new ClientError(
      ErrorCode.configInvalid,
      `server.caFile cannot be used: ${messageOf(cause)}. Set it to a readable PEM file with a certificate.`,
      { cause },
    );
  }
}
