import type { NetConnectOpts, Socket } from 'node:net';
import { stringifyExact } from '../../core/exact-json.ts';
import { words } from '../../core/words.ts';
import type { ToolArguments, ToolOutput } from '../../mcp/tool.ts';
import type { StreamProtocol } from '../../ports/tool-definition.ts';
import { createFrameReader, encodeFrame, FrameTooLargeError } from './frame-reader.ts';
import { jsonRpcRequest, outputOfAnswer, parseJsonRpc } from './json-rpc.ts';
import { maxAnswerBytes, type ToolRunner } from './runner.ts';
import { createRuns } from './runs.ts';
import type { FailureMaker } from './tool-failure.ts';
import { outputOf, textOf } from './tool-output.ts';

const requestId = 1;

/** A runner that makes one connection per call: request, answer, hang up. What TCP and unix sockets have in common. */
export function createStreamRunner(
  connectOptions: NetConnectOpts,
  protocol: StreamProtocol,
  failure: FailureMaker,
): ToolRunner {
  const runs = createRuns(failure);
  return {
    run: (args, { signal }) =>
      runs.track(signal, async (own) => {
        const { connect } = await import('node:net');
        if (own.aborted) throw failure.aborted(own);
        const socket = connect(connectOptions);
        try {
          return await converse(socket, args, protocol, failure, own);
        } finally {
          socket.destroy();
        }
      }),
    dispose: runs.dispose,
  };
}

function converse(
  socket: Socket,
  args: ToolArguments,
  { framing, method }: StreamProtocol,
  failure: FailureMaker,
  signal: AbortSignal,
): Promise<ToolOutput> {
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
      const output = outputOfFrame(frame, method, failure);
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
): ToolOutput | undefined {
  const text = textOf(frame);
  if (text === undefined) throw failure.badOutput(words('sentBinary'));
  if (method === undefined) return outputOf(text);
  const message = parseJsonRpc(text);
  if (message === undefined) throw failure.badOutput(words('notJsonRpc', { text: failure.quoted(text) }));
  const { answer } = message;
  // Errors that come before a request could be read carry a null id (JSON-RPC 2.0 §5).
  if (answer === undefined || (answer.id !== requestId && answer.id !== null)) return undefined;
  return outputOfAnswer(answer, failure);
}
