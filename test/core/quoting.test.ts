import { describe, expect, it } from 'vitest';
import { networkWords } from '../../src/core/network-words.ts';
import { createQuote } from '../../src/core/quoting.ts';
import { foreignWords, inWords } from '../../src/core/words.ts';

describe('words of others', () => {
  it('are one short line without the secrets they were told, also where one is part of another', () => {
    const quote = createQuote(['hush', 'hush-hush', 'a']);
    expect(quote('hush-hush, said\na \u001b[31mman: hush')).toBe('••••, said a man: ••••');
    expect(quote('x'.repeat(500))).toHaveLength(200);
    expect(quote('x'.repeat(500), 20)).toHaveLength(20);
  });
});

describe('a connection that failed', () => {
  const failure = (code: string) => Object.assign(new Error('raw'), { code });

  it('is told in words, with what to do where somebody knows', () => {
    const advice = { nothingListens: foreignWords('start it') };
    const said = (code: string) => inWords(networkWords(failure(code), advice) ?? foreignWords(''), 'en');
    expect(said('ECONNREFUSED')).toBe('nothing is listening there; start it');
    expect(said('SELF_SIGNED_CERT_IN_CHAIN')).toBe('its certificate is signed by nobody we trust');
  });

  it('has no words for what people do not meet', () => {
    for (const thrown of [failure('EWHATEVER'), failure('toString'), new Error('raw'), undefined, null, 7])
      expect(networkWords(thrown)).toBeUndefined();
  });
});
