import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serverWords, wordsOfText } from '../../src/protocol/server-words.ts';

describe('the words of a server', () => {
  it.each([
    [{ message: 'quota exceeded' }, 'quota exceeded'],
    [{ code: 500, msg: '服务器内部异常', data: null }, '服务器内部异常'],
    [{ error: 'Invalid device ID' }, 'Invalid device ID'],
    [{ error: { code: -1, message: 'inner' } }, 'inner'],
    [{ message: '', reason: 'out of credit' }, 'out of credit'],
    [{ message: 7, code: 4003 }, 'code 4003'],
    [{ errors: [{ message: 'bad mac' }, { message: 'more' }] }, 'bad mac'],
    [{ detail: [{ loc: ['header', 'device-id'], msg: 'field required' }] }, 'field required'],
    [{ errors: ['one', 'two'] }, 'one'],
    [{ errMsg: 'expired' }, 'expired'],
    [{ error: { error: { error: 'too deep' } } }, ''],
    [{}, ''],
  ])('in %j are “%s”', (complaint, words) => {
    expect(serverWords(complaint)).toBe(words);
  });

  it.each([
    ['{"msg":"no"}', 'no'],
    ['"quoted"', 'quoted'],
    ['认证失败', '认证失败'],
    ['<html><body>Login</body></html>', ''],
    ['[1]', ''],
    ['', ''],
  ])('in the text %s are “%s”', (text, words) => {
    expect(wordsOfText(text)).toBe(words);
  });

  it('are one harmless line of bounded length, whatever came', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 3_000 }), fc.json()), (text) => {
        expect(wordsOfText(text)).toMatch(/^\P{Cc}{0,400}$/u);
      }),
    );
  });
});
