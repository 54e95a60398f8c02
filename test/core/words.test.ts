import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wordCatalogue } from '../../src/core/word-catalogue.ts';
import {
  foreignWords,
  inWords,
  quotedWords,
  secondsIn,
  sentenceOf,
  words,
  wordsFrom,
} from '../../src/core/words.ts';

const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
/** Names of programs, protocols and keys, which have no translation. */
const untranslated =
  /(MCP|HTTP|TLS|JSON-RPC|JSON|Coze|PEM|Node\.js|Docker|uv|url|headers|caFile|startTimeoutMs|chmod \+x|mcp enable|mcp restart|https?:\/\/[\w./:]*|\/mcp|\/sse)/g;

describe('the catalogue', () => {
  it.each(Object.entries(wordCatalogue))(
    'has the same gaps in both languages: %s',
    (_, { en, 'zh-CN': zh }) => {
      expect(names(zh)).toEqual(names(en));
    },
  );

  it.each(Object.entries(wordCatalogue))('has no English in the Chinese: %s', (_, { 'zh-CN': zh }) => {
    expect(zh.replace(/\{\w+\}/g, '').replace(untranslated, '')).not.toMatch(/[A-Za-z]/);
  });
});

describe('words', () => {
  const nested = words('unreachable', {
    what: words('advised', { what: words('hostUnknown'), todo: words('checkUrl') }),
  });

  it('are put into a language at the end, one in the other', () => {
    expect(inWords(nested, 'en')).toBe(
      'it cannot be reached: the name of the host is not known; check the url',
    );
    expect(inWords(nested, 'zh-CN')).toBe('无法连接：找不到这个主机名；请检查url');
  });

  it('leave what somebody else says as it is', () => {
    const text = 'no {eggs} $& left';
    expect(inWords(words('because', { what: words('exitCode', { code: 3 }), text }), 'zh-CN')).toBe(
      `退出码3：${text}`,
    );
    expect(inWords(foreignWords(text), 'en')).toBe(text);
  });

  it('end with one full stop', () => {
    expect([sentenceOf(foreignWords('No.'), 'en'), sentenceOf(foreignWords('No'), 'zh-CN')]).toEqual([
      'No.',
      'No。',
    ]);
  });

  it('count one second as one', () => {
    expect([1, 20, 0.5].map((n) => inWords(secondsIn(n), 'en'))).toEqual([
      '1 second',
      '20 seconds',
      '0.5 seconds',
    ]);
  });

  it('can be quoted at every depth', () => {
    const secret = words('serverRefused', {
      what: words('because', { what: words('silent'), text: 'key abc' }),
    });
    expect(JSON.stringify(quotedWords(secret, (text) => text.replace('abc', '•')))).not.toContain('abc');
  });

  it('survive being stored; what is no words, or those of another version, is none', () => {
    expect(wordsFrom(JSON.parse(JSON.stringify(nested)))).toEqual(nested);
    for (const other of [
      undefined,
      null,
      'said',
      {},
      { code: 'unknown', params: {} },
      { code: 'toString', params: {} },
      { code: 'said' },
      { code: 'said', params: { text: null } },
      { code: 'said', params: { text: { code: 'x', params: {} } } },
    ])
      expect(wordsFrom(other)).toBeUndefined();
    fc.assert(fc.property(fc.jsonValue(), (value) => void wordsFrom(value)));
  });
});
