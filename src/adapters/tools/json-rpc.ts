import { stringifyExact, withExactMember } from '../../core/exact-json.ts';
import { foreignWords, words } from '../../core/words.ts';
import type { ToolArguments, ToolOutput } from '../../mcp/tool.ts';
import type { FailureMaker } from './tool-failure.ts';
import { outputOfValue } from './tool-output.ts';

export function jsonRpcRequest(id: number, method: string, params: ToolArguments): string {
  return stringifyExact({ jsonrpc: '2.0', id, method, params }) ?? '';
}

export interface JsonRpcAnswer {
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** Undefined when it is not JSON or no object; a message without `result` and `error` is no answer but a notification. */
export function parseJsonRpc(text: string): { readonly answer?: JsonRpcAnswer } | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return undefined;
  if (!('result' in message) && !('error' in message)) return {};
  return { answer: { id: undefined, ...withExactMember({ ...message }, text, ['result']) } };
}

/** @throws ClientError TOOL_FAILED with the words of the other side. */
export function outputOfAnswer({ result, error }: JsonRpcAnswer, failure: FailureMaker): ToolOutput {
  if (error === undefined || error === null) return outputOfValue(result);
  const message = typeof error === 'object' ? (error as { message?: unknown }).message : error;
  throw failure.failed(
    typeof message === 'string' ? foreignWords(failure.quoted(message)) : words('reportedError'),
  );
}
