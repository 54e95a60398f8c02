import { wordCatalogue } from './word-catalogue.ts';

export type WordCode = keyof typeof wordCatalogue;
export type WordLanguage = 'en' | 'zh-CN';

/** Our own words before they are in any language; how they are said is decided where they are told. */
export interface Words {
  readonly code: WordCode;
  readonly params: Readonly<Record<string, WordParam>>;
}

/** Words of ours, a number, or somebody else's text. */
export type WordParam = string | number | Words;

type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;
type ParamsOf<Code extends WordCode> = Readonly<Record<Names<(typeof wordCatalogue)[Code]['en']>, WordParam>>;

const maxDepth = 8;

/** The words of this code. */
export function words<Code extends WordCode>(
  code: Code,
  ...[params]: Names<(typeof wordCatalogue)[Code]['en']> extends never ? [] : [ParamsOf<Code>]
): Words {
  return { code, params: params ?? {} };
}

/** Somebody else's text, which stays as it is. */
export const foreignWords = (text: string): Words => words('said', { text });

export function inWords({ code, params }: Words, language: WordLanguage): string {
  return wordCatalogue[code][language].replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    return typeof value === 'object' ? inWords(value, language) : String(value ?? '');
  });
}

/** With a full stop, unless they end with one of their own, or with one that somebody else brought. */
export function sentenceOf(said: Words, language: WordLanguage): string {
  const text = inWords(said, language);
  return /[.!?。！？…]$/.test(text) ? text : `${text}${language === 'en' ? '.' : '。'}`;
}

/** The same with somebody else's texts as `quote` would have them. */
export function quotedWords({ code, params }: Words, quote: (text: string) => string): Words {
  const quoted = Object.entries(params).map(([name, param]) => [
    name,
    typeof param === 'string' ? quote(param) : typeof param === 'object' ? quotedWords(param, quote) : param,
  ]);
  return { code, params: Object.fromEntries(quoted) as Words['params'] };
}

/** An error that says in words of ours why; whoever tells it quotes what of it is somebody else's. */
export class WordedError extends Error {
  readonly words: Words;

  constructor(said: Words, cause?: unknown) {
    super(inWords(said, 'en'), { cause });
    this.words = said;
  }
}

/** What was stored as JSON; undefined when it is no words that this version knows. */
export function wordsFrom(value: unknown, depth = 0): Words | undefined {
  if (typeof value !== 'object' || value === null || depth > maxDepth) return undefined;
  const { code, params } = value as { readonly code?: unknown; readonly params?: unknown };
  if (typeof code !== 'string' || !Object.hasOwn(wordCatalogue, code)) return undefined;
  if (typeof params !== 'object' || params === null) return undefined;
  const read = Object.entries(params).map(([name, param]) => [
    name,
    typeof param === 'string' || typeof param === 'number' ? param : wordsFrom(param, depth + 1),
  ]);
  if (read.some(([, param]) => param === undefined)) return undefined;
  return { code: code as WordCode, params: Object.fromEntries(read) as Words['params'] };
}

/** `1 second`, `20 seconds`. */
export const secondsIn = (count: number): Words =>
  count === 1 ? words('second') : words('seconds', { count });
