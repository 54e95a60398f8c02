import { stringifyExact } from '../core/exact-json.ts';
import { inWords, type Words, words } from '../core/words.ts';
import type { Picture, ToolOutput } from './tool.ts';

/** Longest result that is kept. */
export const maxStoredCharacters = 50_000;

const encoder = new TextEncoder();
// A page may begin with a byte order mark that belongs to the text.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A result as text for people and models; pictures are named, not kept. */
export function outputText(output: ToolOutput): string {
  switch (output.kind) {
    case 'text':
      return output.text;
    case 'json':
      return output.source ?? stringifyExact(output.value) ?? '';
    case 'image':
      return inWords(pictureWords(output), 'en');
  }
}

/** The same before it is in any language, where it is ours. */
export function wordsOf(output: ToolOutput): Words | undefined {
  if (output.kind === 'image') return pictureWords(output);
  return output.kind === 'text' ? output.words : undefined;
}

function pictureWords({ mimeType, base64 }: Picture): Words {
  return words('picture', { type: mimeType, bytes: Math.floor((base64.length * 3) / 4) });
}

/** The beginning of a text, never half a character (UTF-16 surrogate pair). */
export function firstCharacters(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  const last = text.charCodeAt(maxCharacters - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? maxCharacters - 1 : maxCharacters);
}

export interface TextPage {
  readonly text: string;
  /** Where this page begins, in bytes of the UTF-8 text. */
  readonly offset: number;
  /** Where the next page begins; absent on the last. */
  readonly nextOffset?: number;
  readonly totalBytes: number;
}

/**
 * A piece of a text by byte offsets into its UTF-8 form, cut between characters. An offset inside a character means its
 * beginning; a page holds at least one character, so reading on always ends.
 */
export function pageOf(text: string, offset: number, maxBytes: number): TextPage {
  const bytes = encoder.encode(text);
  const start = characterStart(bytes, Math.min(Math.max(0, Math.trunc(offset)), bytes.length));
  let end = characterStart(bytes, Math.min(bytes.length, start + Math.max(1, Math.trunc(maxBytes))));
  if (end <= start) end = characterEnd(bytes, start);
  const page = { text: decoder.decode(bytes.subarray(start, end)), offset: start, totalBytes: bytes.length };
  return end < bytes.length ? { ...page, nextOffset: end } : page;
}

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;

function characterStart(bytes: Uint8Array, at: number): number {
  let start = at;
  while (isContinuation(bytes[start])) start -= 1;
  return start;
}

function characterEnd(bytes: Uint8Array, at: number): number {
  let end = Math.min(bytes.length, at + 1);
  while (isContinuation(bytes[end])) end += 1;
  return end;
}
