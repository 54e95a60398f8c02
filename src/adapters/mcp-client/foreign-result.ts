import { withExactNumbers } from '../../core/exact-json.ts';
import type { ForeignContent, ForeignResult } from '../../ports/mcp-client.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** The result of `tools/call` as far as it can be used; what is wrong in one block costs only that block. */
export function foreignResultOf(answer: unknown): ForeignResult {
  const { content, structuredContent, isError } = isObject(answer) ? answer : {};
  return {
    content: Array.isArray(content) ? content.map(contentOf) : [],
    ...(structuredContent !== undefined &&
      structuredContent !== null && { structuredContent: withExactNumbers(structuredContent) }),
    isError: isError === true,
  };
}

function contentOf(block: unknown): ForeignContent {
  if (!isObject(block)) return { type: 'other', kind: 'unknown' };
  switch (block.type) {
    case 'text':
      if (typeof block.text === 'string') return { type: 'text', text: block.text };
      break;
    case 'image':
      return imageOf(block.data, block.mimeType) ?? { type: 'other', kind: 'image' };
    case 'resource':
      if (isObject(block.resource)) return resourceOf(block.resource);
      break;
    case 'resource_link':
      if (typeof block.uri === 'string') return { type: 'text', text: linkText(block, block.uri) };
  }
  return { type: 'other', kind: typeof block.type === 'string' ? block.type : 'unknown' };
}

function resourceOf({ text, blob, mimeType }: JsonObject): ForeignContent {
  if (typeof text === 'string') return { type: 'text', text };
  return imageOf(blob, mimeType) ?? { type: 'other', kind: 'resource' };
}

function imageOf(data: unknown, mimeType: unknown): ForeignContent | undefined {
  if (typeof data !== 'string' || typeof mimeType !== 'string' || !mimeType.startsWith('image/')) return;
  return { type: 'image', data, mimeType };
}

function linkText({ title, name }: JsonObject, uri: string): string {
  const label = [title, name].find((each) => typeof each === 'string' && each !== '');
  return label === undefined ? uri : `${label}: ${uri}`;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
