import type { NetConnectOpts, Socket } from 'node:net';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { stringifyExact } from '../../core/exact-json.ts';
import { words } from '../../core/words.ts';
import type { ToolArguments, ToolOutput } from '../../mcp/tool.ts';
import type { StreamProtocol } from '../../ports/tool-definition.ts';
import { createFrameReader, encodeFrame, FrameTooLargeError } from './frame-reader.ts';
import { jsonRpcRequest, outputOfAnswer, parseJsonRpc } from './json-rpc.ts';
import { maxAnswerBytes, type RunnerDeps, type ToolRunner } from './runner.ts';
import { createRuns } from './runs.ts';
import type { FailureMaker } from './tool-failure.ts';
import { outputOf, textOf } from './tool-output.ts';

const requestId = 1;

/** A runner that makes one connection per call: request, answer, hang up. What TCP and unix sockets have in common. */
export function createStreamRunner(
  connectOptions: NetConnectOpts,
  protocol: StreamProtocol,
  failure: FailureMaker,
  { clock, env }: Pick<RunnerDeps, 'clock' | 'env'>,
): ToolRunner {
  const runs = createRuns(failure);
  return {
    run: (args, { signal }) =>
      runs.track(signal, async (own) => {
        const { connect } = await import('node:net');
        if (own.aborted) throw failure.aborted(own);
        const socket = connect(connectOptions);
        try {
          const exchange = { socket, args, protocol, failure, signal: own, clock, env };
          return await (readsFrames(protocol) ? converse(exchange) : readText(exchange));
        } finally {
          socket.destroy();
        }
      }),
    dispose: runs.dispose,
  };
}

interface StreamExchange {
  readonly socket: Socket;
  readonly args: ToolArguments;
  readonly protocol: StreamProtocol;
  readonly failure: FailureMaker;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly env: RunnerDeps['env'];
}

/** Whether the peer's framing says where its answer ends. */
const readsFrames = ({ framing, method, read }: StreamProtocol): boolean =>
  framing === 'length' || method !== undefined || read === 'line';

/** Reads what a peer says that has no frames, until there is reason to think that it is all. */
function readText({
  socket,
  args,
  protocol,
  failure,
  signal,
  clock,
  env,
}: StreamExchange): Promise<ToolOutput> {
  const { read, readIdleMs, encoding } = protocol;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let timer: TimerHandle;
  return new Promise((resolve, reject) => {
    const settle = (work: () => ToolOutput) => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      try {
        resolve(work());
      } catch (thrown) {
        reject(thrown);
      }
    };
    const fail = (error: unknown) =>
      settle(() => {
        throw error;
      });
    const onAbort = () => fail(failure.aborted(signal));
    const whole = () => Buffer.concat(chunks);
    const output = () => {
      const text = textOf(whole(), { encoding, env });
      if (text === undefined) throw failure.badOutput(words('sentBinary'));
      return outputOf(text);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('connect', () => socket.write(`${stringifyExact(args)}\n`));
    socket.on('error', (error) => fail(failure.unreachable(error)));
    socket.on('data', (chunk) => {
      clock.clearTimeout(timer);
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) fail(failure.tooLarge(maxAnswerBytes));
      else if (read === 'close') return;
      else if (endsJson(chunk) && isWholeJson(whole())) settle(output);
      // A program that has said a line may have more to say.
      else if (read === 'auto' && endsLine(chunk)) timer = clock.setTimeout(() => settle(output), readIdleMs);
    });
    socket.on('end', () => {
      if (bytes === 0) fail(failure.badOutput(words('closedUnanswered')));
      else if (beginsJson(whole()) && !isWholeJson(whole()) && !endsLine(whole()))
        fail(failure.badOutput(words('closedMidway')));
      else settle(output);
    });
  });
}

const newline = 0x0a;
const endsLine = (chunk: Buffer): boolean => chunk.at(-1) === newline;
const endsJson = (chunk: Buffer): boolean => /[\]}]\s*$/.test(chunk.subarray(-64).toString('latin1'));
const beginsJson = (text: Buffer): boolean => /^\s*[[{]/.test(text.subarray(0, 64).toString('latin1'));
/** A JSON object or list; other values have no end of their own. */
const isWholeJson = (text: Buffer): boolean => beginsJson(text) && isWhole(text);

function converse({ socket, args, protocol, failure, signal, env }: StreamExchange): Promise<ToolOutput> {
  const { framing, method, encoding } = protocol;
  const reader = createFrameReader(framing, maxAnswerBytes);
  const request =
    method === undefined ? (stringifyExact(args) ?? '') : jsonRpcRequest(requestId, method, args);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    };
    const onAbort = () => fail(failure.aborted(signal));
    const read = (frame: Buffer) => {
      const output = outputOfFrame(frame, method, failure, { encoding, env });
      if (output === undefined) return;
      signal.removeEventListener('abort', onAbort);
      resolve(output);
    };
    const guarded = (work: () => void) => {
      try {
        work();
      } catch (thrown) {
        fail(thrown instanceof FrameTooLargeError ? failure.tooLarge(maxAnswerBytes) : thrown);
      }
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('connect', () => socket.write(encodeFrame(request, framing)));
    socket.on('data', (chunk) => guarded(() => reader.push(chunk).forEach(read)));
    socket.on('error', (error) => fail(failure.unreachable(error)));
    socket.on('end', () =>
      guarded(() => {
        const rest = reader.rest();
        if (framing === 'newline' && isWhole(rest)) read(rest);
        fail(failure.badOutput(rest.length === 0 ? words('closedUnanswered') : words('closedMidway')));
      }),
    );
  });
}

/** Many programs close instead of ending their last line; only JSON tells whether it is all there. */
function isWhole(rest: Buffer): boolean {
  try {
    JSON.parse(rest.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

/** Undefined when the frame is not the answer to our request. */
function outputOfFrame(
  frame: Buffer,
  method: string | undefined,
  failure: FailureMaker,
  how: Parameters<typeof textOf>[1],
): ToolOutput | undefined {
  const text = textOf(frame, how);
  if (text === undefined) throw failure.badOutput(words('sentBinary'));
  if (method === undefined) return outputOf(text);
  const message = parseJsonRpc(text);
  if (message === undefined) throw failure.badOutput(words('notJsonRpc', { text: failure.quoted(text) }));
  const { answer } = message;
  // Errors that come before a request could be read carry a null id (JSON-RPC 2.0 §5).
  if (answer === undefined || (answer.id !== requestId && answer.id !== null)) return undefined;
  return outputOfAnswer(answer, failure);
}
