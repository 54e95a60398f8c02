import type { ContentBlock } from '@modelcontextprotocol/server';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { parseExact, stringifyExact } from '../core/exact-json.ts';
import { printableText } from '../core/printable-text.ts';
import { rpcErrorCode } from './normalise.ts';
import { firstCharacters, maxStoredCharacters, pageOf } from './task-text.ts';
import type { Picture, ToolOutput } from './tool.ts';

const maxErrorCharacters = 200;

/** Where the rest of a result can be read. */
export interface ResultPointer {
  readonly taskId: string;
}

/**
 * The whole text of a result, well-formed and at most 50 000 characters: JSON minified, without a top-level `action`,
 * which servers would execute (servers.md 1.10). Never empty: a server keeps no message for an empty text and tells its
 * model ever after that the call was interrupted. Undefined for an image.
 */
export function textOf(output: ToolOutput): string | undefined {
  if (output.kind === 'image') return undefined;
  if (saysNothing(output)) return saidForNothing;
  if (output.kind === 'json') return stored(jsonText(output));
  return stored(output.verbatim ? output.text : withoutActionText(output.text));
}

/** As it was written where that may pass: digits, order and repeated names are somebody's. */
function jsonText({ value, source }: Extract<ToolOutput, { kind: 'json' }>): string {
  const safe = withoutAction(value);
  return safe === value && source !== undefined ? source : minified(safe);
}

/** What a model gets in place of an empty text. */
export const saidForNothing = 'Done.';

const visible = /[^\s\p{Z}\p{Cc}\p{Cf}\p{Cs}]/u;

/** A text, or JSON that is one, without a visible character. */
export function saysNothing(output: ToolOutput): boolean {
  const text = output.kind === 'json' ? output.value : output.kind === 'text' ? output.text : undefined;
  return typeof text === 'string' && !visible.test(text);
}

/**
 * What the model gets to see: everything if it has at most `maxBytes`, else the beginning and how to read on. `keep` is
 * asked for the place of the rest only when something is cut.
 */
export function shortened(text: string, maxBytes: number, keep: () => ResultPointer | undefined): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const pointer = keep();
  const total = Buffer.byteLength(text);
  const note = (nextOffset: number) =>
    pointer
      ? `…[${nextOffset}/${total} bytes; more: self.tasks.read {"task_id":"${pointer.taskId}","offset":${nextOffset}}]`
      : '…';
  const room = maxBytes - Buffer.byteLength(note(total));
  // Less room than the note takes: the beginning is worth more than how to read on.
  if (room < 16) return pageOf(text, 0, maxBytes).text;
  const page = pageOf(text, 0, room);
  return `${page.text}${note(page.nextOffset ?? total)}`;
}

/**
 * Base64 of a picture that is passed on whatever the limit of the tool is. Gateways drop a connection over messages of
 * 8192 bytes, and no model hears a picture (mcp.md 2.2).
 */
const smallPictureBytes = 6000;

/** Content blocks of a reply: one text block, or one image. A picture cannot be cut; a longer one is told of. */
export function contentOf(
  output: ToolOutput,
  maxBytes: number,
  keep: (text: string) => ResultPointer | undefined,
): readonly ContentBlock[] {
  if (output.kind === 'image') return [pictureOf(output, Math.max(maxBytes, smallPictureBytes))];
  return contentWithin(output, maxBytes, keep);
}

/** The same where the channel takes no more than `maxBytes`. */
export function contentWithin(
  output: ToolOutput,
  maxBytes: number,
  keep: (text: string) => ResultPointer | undefined,
): readonly ContentBlock[] {
  if (output.kind === 'image') return [pictureOf(output, maxBytes)];
  const text = fittingText(output, maxBytes);
  return [{ type: 'text', text: shortened(text, maxBytes, () => keep(text)) }];
}

/** JSON that is too long as it was written is written as short as it can be. */
function fittingText(output: ToolOutput, maxBytes: number): string {
  const text = textOf(output) ?? '';
  if (output.kind !== 'json' || Buffer.byteLength(text) <= maxBytes) return text;
  return stored(minified(withoutAction(output.value)));
}

/** The picture that came with a text, for callers that get results whole. */
export function pictureBeside(output: ToolOutput): readonly ContentBlock[] {
  return output.kind === 'text' && output.picture
    ? [pictureOf(output.picture, Number.POSITIVE_INFINITY)]
    : [];
}

function pictureOf({ base64, mimeType }: Picture, maxBytes: number): ContentBlock {
  if (base64.length <= maxBytes) return { type: 'image', data: base64, mimeType };
  const kilobytes = Math.ceil((base64.length * 3) / 4 / 1000);
  return {
    type: 'text',
    text: `Done; the result is a picture (${mimeType}, ${kilobytes} kB), too large to be passed on here.`,
  };
}

/** The error of a reply on the device channel: a number and a short sentence without anything internal. */
export function rpcErrorOf(error: ClientError): { readonly code: number; readonly message: string } {
  return { code: rpcCodeOf(error), message: printableText(error.message, maxErrorCharacters) };
}

/** A failed call as the result of the tool, for servers that show the model nothing of an error. */
export function failedResultOf(error: ClientError) {
  return { content: [{ type: 'text', text: rpcErrorOf(error).message }], isError: true } as const;
}

function rpcCodeOf({ code }: ClientError): number {
  if (code === ErrorCode.toolUnknown) return rpcErrorCode.methodNotFound;
  if (code === ErrorCode.toolArgumentsInvalid) return rpcErrorCode.invalidParams;
  return rpcErrorCode.internal;
}

function withoutActionText(text: string): string {
  if (!/^\s*\{/.test(text) || text.length > maxStoredCharacters) return text;
  try {
    const value = parseExact(text);
    const safe = withoutAction(value);
    return safe === value ? text : minified(safe);
  } catch {
    return text;
  }
}

/** Renamed, not dropped: the model may need what it says. */
function withoutAction(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'action')) return value;
  if (Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key === 'action' ? freeName(value) : key, inner]),
  );
}

function freeName(value: object): string {
  let name = 'action_';
  while (Object.hasOwn(value, name)) name += '_';
  return name;
}

function minified(value: unknown): string {
  try {
    return stringifyExact(value) ?? 'null';
  } catch (cause) {
    throw new ClientError(ErrorCode.toolFailed, 'The result of the tool cannot be written as JSON.', {
      cause,
    });
  }
}

/** Also replaces lone surrogates, which no UTF-8 can carry. */
function stored(text: string): string {
  if (text.length <= maxStoredCharacters) return Buffer.from(text).toString();
  const note = `…[only the beginning of ${text.length} characters was kept]`;
  return `${Buffer.from(firstCharacters(text, maxStoredCharacters - note.length)).toString()}${note}`;
}
