import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { ForeignContent, ForeignResult } from '../../ports/mcp-client.ts';
import type { ToolOutput } from '../tool.ts';

/**
 * What a foreign server answered, as the result of a tool: its texts, with its first image; without any text its structured
 * content, then its image, then a sentence.
 * @throws ClientError TOOL_FAILED when the server says that the call failed, with its words
 */
export function mountedOutput({ content, structuredContent, isError }: ForeignResult): ToolOutput {
  const text = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
  if (isError) throw failed(text);
  const image = content.find((part) => part.type === 'image');
  const picture = image && { base64: image.data, mimeType: image.mimeType };
  if (text.trim() !== '') return { kind: 'text', text, ...(picture && { picture }) };
  if (structuredContent !== undefined) return { kind: 'json', value: structuredContent };
  if (picture) return { kind: 'image', ...picture };
  return { kind: 'text', text: sentenceFor(content) };
}

function sentenceFor(content: readonly ForeignContent[]): string {
  const kinds = new Set(content.flatMap((part) => (part.type === 'other' ? [part.kind] : [])));
  if (kinds.size === 0) return 'Done; the tool gave no result.';
  return `Done; the result (${[...kinds].join(', ')}) cannot be shown or read out here.`;
}

function failed(text: string): ClientError {
  const words = text.trim();
  return new ClientError(
    ErrorCode.toolFailed,
    words === '' ? 'The tool says that it failed, but not why.' : words.slice(0, 10_000),
  );
}
