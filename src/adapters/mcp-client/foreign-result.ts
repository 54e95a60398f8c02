import { stringifyExact, withExactNumbers } from '../../core/exact-json.ts';
import type { ForeignContent, ForeignResult } from '../../ports/mcp-client.ts';
import { plainComplaint } from './plain-complaint.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Members that say something about a result and are none. */
const aboutResult: ReadonlySet<string> = new Set(['_meta', 'isError', 'content', 'structuredContent']);

/**
 * The result of `tools/call` as far as it can be used: also of servers that follow an older specification or none. What is
 * wrong in one block costs only that block.
 */
export function foreignResultOf(answer: unknown): ForeignResult {
  if (!isObject(answer)) return { content: contentsOf(answer), isError: false };
  const { content, structuredContent, toolResult, isError } = answer;
  // Revision 2024-10-07 had the result in a member of its own.
  if (content === undefined && toolResult !== undefined) return olderResult(toolResult, isError);
  const isFailure = saysError(isError);
  const blocks = contentsOf(content).map((block) =>
    isFailure && block.type === 'text' ? { ...block, text: plainComplaint(block.text) } : block,
  );
  const data = structuredContent ?? (content === undefined ? restOf(answer) : undefined);
  return {
    content: blocks,
    ...(data !== undefined && data !== null && { structuredContent: withExactNumbers(data) }),
    isError: isFailure || blocks.some((block) => block.type === 'failure'),
  };
}

function olderResult(toolResult: unknown, isError: unknown): ForeignResult {
  const inner =
    isObject(toolResult) && toolResult.content === undefined
      ? { content: [], structuredContent: toolResult, isError: false }
      : foreignResultOf(toolResult);
  return { ...inner, isError: inner.isError || saysError(isError) };
}

/** What stands where nothing is expected is somebody's result; undefined when there is nothing. */
function restOf(answer: JsonObject): JsonObject | undefined {
  const rest = Object.entries(answer).filter(([key]) => !aboutResult.has(key));
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

const saysError = (isError: unknown): boolean => isError === true || isError === 'true';

/** A list of blocks; one block, or a text, is a list of one. */
function contentsOf(content: unknown): ForeignContent[] {
  if (content === undefined || content === null) return [];
  return (Array.isArray(content) ? content : [content]).map(contentOf);
}

function contentOf(block: unknown): ForeignContent {
  const plain = textIn(block);
  if (plain !== undefined) return { type: 'text', text: plain };
  if (!isObject(block)) return { type: 'unreadable', kind: 'unknown' };
  const kind = typeof block.type === 'string' ? block.type : 'unknown';
  switch (kind) {
    case 'text':
      return textOf(block.text, kind);
    case 'error':
      return {
        type: 'failure',
        text: textIn(block.text) ?? textIn(block.message) ?? textIn(block.error) ?? '',
      };
    case 'image':
      return imageOf(block.data, block.mimeType) ?? { type: 'unreadable', kind };
    case 'audio':
      return { type: 'other', kind };
    case 'resource':
      return isObject(block.resource) ? resourceOf(block.resource) : { type: 'unreadable', kind };
    case 'resource_link':
      if (typeof block.uri === 'string') return { type: 'text', text: linkText(block, block.uri) };
  }
  // Without a type of its own, or with one nobody knows: its text is its text.
  return textOf(block.text, kind);
}

function textOf(text: unknown, kind: string): ForeignContent {
  const plain = textIn(text) ?? (isGroup(text) ? stringifyExact(text) : undefined);
  return plain === undefined ? { type: 'unreadable', kind } : { type: 'text', text: plain };
}

/** Numbers and truth values are as good as their text. */
const textIn = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : ['number', 'boolean'].includes(typeof value)
      ? String(value)
      : undefined;

function resourceOf({ text, blob, mimeType }: JsonObject): ForeignContent {
  if (typeof text === 'string') return { type: 'text', text };
  return imageOf(blob, mimeType) ?? { type: 'other', kind: 'resource' };
}

const dataUrl = /^data:(image\/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,/i;

/** Base64 as the specification has it, whatever it came as: a data URL, in lines, in the alphabet for URLs. */
function imageOf(data: unknown, mimeType: unknown): ForeignContent | undefined {
  if (typeof data !== 'string') return undefined;
  const [prefix = '', named] = dataUrl.exec(data.slice(0, 200)) ?? [];
  const type = named ?? mimeType;
  if (typeof type !== 'string' || !type.startsWith('image/')) return undefined;
  const base64 = canonicalBase64(data.slice(prefix.length));
  return base64 === undefined ? undefined : { type: 'image', data: base64, mimeType: type };
}

function canonicalBase64(data: string): string | undefined {
  if (data.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(data)) return data;
  const compact = data.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(compact)) return undefined;
  return Buffer.from(compact, 'base64').toString('base64');
}

function linkText({ title, name }: JsonObject, uri: string): string {
  const label = [title, name].find((each) => typeof each === 'string' && each !== '');
  return label === undefined ? uri : `${String(label)}: ${uri}`;
}

const isGroup = (value: unknown): value is object => typeof value === 'object' && value !== null;

function isObject(value: unknown): value is JsonObject {
  return isGroup(value) && !Array.isArray(value);
}
