import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { PictureQuestion, VisionService } from '../../ports/device-control.ts';

export interface VisionUploadOptions {
  readonly deviceId: string;
  readonly clientId: string;
  readonly clock: Clock;
}

const boundary = '----ESP32_CAMERA_BOUNDARY';
/** For the status line, and once more for the body (firmware G62). */
const limitMs = 30_000;
const maxAnswerBytes = 256 * 1024;

/** Asks the server's vision service about a picture, byte for byte as the firmware does it (G60–G63). */
export function createVisionUpload(options: VisionUploadOptions): VisionService {
  return { explain: (question, signal) => upload(question, signal, options) };
}

async function upload(
  { url, token, jpeg, question }: PictureQuestion,
  signal: AbortSignal,
  { deviceId, clientId, clock }: VisionUploadOptions,
): Promise<string> {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) throw cannotConnect();
  const { request } = /^https:/i.test(url) ? await import('node:https') : await import('node:http');
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    let sent: ClientRequest;
    try {
      sent = request(url, {
        method: 'POST',
        agent: false,
        headers: {
          'Device-Id': deviceId,
          'Client-Id': clientId,
          ...(token !== '' && { Authorization: `Bearer ${token}` }),
          'Content-Type': `multipart/form-data; boundary=${boundary}`,
          'Transfer-Encoding': 'chunked',
        },
      });
    } catch (cause) {
      // A token with a line break, for instance, is no header.
      reject(cannotConnect(cause));
      return;
    }
    const finish = (settle: () => void): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      sent.destroy();
      settle();
    };
    const onAbort = () => finish(() => reject(signal.reason));
    let timer = clock.setTimeout(() => finish(() => reject(cannotConnect())), limitMs);
    signal.addEventListener('abort', onAbort, { once: true });
    sent.on('error', (cause) => finish(() => reject(cannotConnect(cause))));
    sent.on('response', (response) => {
      clock.clearTimeout(timer);
      // The firmware takes a body that does not come for an empty one.
      timer = clock.setTimeout(() => finish(() => resolve('')), limitMs);
      if (response.statusCode !== 200) {
        finish(() => reject(failed(`Failed to upload photo, status code: ${response.statusCode}`)));
        return;
      }
      collect(
        response,
        (text) => finish(() => resolve(text)),
        (cause) => finish(() => reject(failed('Failed to upload photo', cause))),
      );
    });
    for (const part of bodyParts(question, jpeg)) sent.write(part);
    sent.end();
  });
}

/** Question, picture, end (G61); each becomes a chunk of its own. */
function bodyParts(question: string, jpeg: Uint8Array): readonly (string | Uint8Array)[] {
  return [
    `--${boundary}\r\nContent-Disposition: form-data; name="question"\r\n\r\n${question}\r\n`,
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="camera.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`,
    jpeg,
    `\r\n--${boundary}--\r\n`,
  ];
}

function collect(
  response: IncomingMessage,
  onText: (text: string) => void,
  onFailure: (cause: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) onFailure(`answer above ${maxAnswerBytes} bytes`);
    else chunks.push(chunk);
  });
  response.on('error', onFailure);
  response.on('end', () => onText(Buffer.concat(chunks).toString('utf8')));
}

const failed = (message: string, cause?: unknown): ClientError =>
  new ClientError(ErrorCode.toolFailed, message, { retryable: true, cause });

const cannotConnect = (cause?: unknown): ClientError => failed('Failed to connect to explain URL', cause);
