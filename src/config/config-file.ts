import { readFile, stat } from 'node:fs/promises';
import type { ValueNode } from '@humanwhocodes/momoa';
import { ClientError, ErrorCode, messageOf } from '../core/errors.ts';
import type { Given } from './layers.ts';

const MAX_BYTES = 1024 * 1024;

/**
 * Reads a configuration file: JSON in UTF-8, with comments and trailing commas. Undefined when there is no such file.
 * @throws ClientError CONFIG_UNREADABLE, or CONFIG_INVALID with line and column when it is not JSON.
 */
export async function readConfigFile(file: string): Promise<Given[] | undefined> {
  const text = await readText(file);
  return text === undefined ? undefined : await parse(text, file);
}

async function readText(file: string): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    const found = await stat(file);
    // Reading a pipe waits for whoever writes into it, and nothing but SIGKILL ends that.
    if (found.isFIFO() || found.isSocket()) throw new Error('it is a pipe; give a file');
    const { size } = found;
    if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    bytes = await readFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(file, `${messageOf(cause)}.`, cause);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(file, 'It is not UTF-8 text; save it with that encoding.', cause);
  }
}

export function unreadable(file: string, reason: string, cause?: unknown): ClientError {
  return new ClientError(
    ErrorCode.configUnreadable,
    `The configuration file ${file} could not be read. ${reason}`,
    { cause },
  );
}

async function parse(text: string, file: string): Promise<Given[]> {
  // Loaded on use: most people have no file, and start-up time is a promise.
  const momoa = await import('@humanwhocodes/momoa');
  let body: ValueNode;
  try {
    body = momoa.parse(text, { mode: 'jsonc', allowTrailingCommas: true }).body;
  } catch (cause) {
    const { line = 1, column = 1 } = cause as { line?: number; column?: number };
    const words = messageOf(cause).replace(/ ?\(\d+:\d+\)/, '');
    throw invalid(`${file}:${line}:${column} is not valid JSON. ${words.replace(/\.?$/, '.')}`, cause);
  }
  if (body.type !== 'Object')
    throw invalid(`${file} holds no JSON object. It must begin with { and end with }.`);
  return [...given(body, [], file)];

  function* given(node: ValueNode, path: readonly string[], name: string): Generator<Given> {
    if (node.type === 'Object' && (node.members.length > 0 || path.length === 0)) {
      for (const { name: key, value } of node.members)
        yield* given(value, [...path, key.type === 'String' ? key.value : key.name], name);
    } else yield { path, value: momoa.evaluate(node), source: `file ${name}:${node.loc.start.line}` };
  }
}

function invalid(message: string, cause?: unknown): ClientError {
  return new ClientError(ErrorCode.configInvalid, message, { cause });
}
