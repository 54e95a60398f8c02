import { ClientError, ErrorCode } from '../../core/errors.ts';
import { printableText } from '../../core/printable-text.ts';
import { inWords, sentenceOf, type Words, words } from '../../core/words.ts';
import type { ForeignContent, ForeignResult } from '../../ports/mcp-client.ts';
import type { ToolOutput } from '../tool.ts';

/**
 * What a foreign server answered, as the result of a tool: its texts, with its first image; without any text its structured
 * content, then its image, then a sentence.
 * @throws ClientError TOOL_FAILED when the server says that the call failed, with its words
 */
export function mountedOutput({ content, structuredContent, isError }: ForeignResult): ToolOutput {
  const text = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
  const failures = content.flatMap((part) => (part.type === 'failure' ? [part.text] : []));
  if (isError) throw failed([...failures, text].filter((words) => words.trim() !== '').join('\n'));
  const image = content.find((part) => part.type === 'image');
  const picture = image && { base64: image.data, mimeType: image.mimeType };
  if (text.trim() !== '') return { kind: 'text', text, ...(picture && { picture }) };
  if (structuredContent !== undefined) return { kind: 'json', value: structuredContent };
  if (picture) return { kind: 'image', ...picture };
  const unreadable = content.find((part) => part.type === 'unreadable');
  if (unreadable) throw notUnderstood(unreadable.kind);
  const said = sentenceFor(content);
  return { kind: 'text', text: `${inWords(said, 'en')}.`, words: said };
}

function sentenceFor(content: readonly ForeignContent[]): Words {
  const kinds = new Set(content.flatMap((part) => (part.type === 'other' ? [part.kind] : [])));
  if (kinds.size === 0) return words('doneWithoutResult');
  return words('resultNotShown', { kinds: [...kinds].join(', ') });
}

function notUnderstood(kind: string): ClientError {
  const said = words('resultUnreadable', { kind: printableText(kind, 40) });
  return new ClientError(ErrorCode.toolBadOutput, sentenceOf(said, 'en'), { words: said });
}

function failed(text: string): ClientError {
  const said = text.trim();
  if (said !== '') return new ClientError(ErrorCode.toolFailed, said.slice(0, 10_000));
  return new ClientError(ErrorCode.toolFailed, 'The tool says that it failed, but not why.', {
    words: words('noReason'),
  });
}
