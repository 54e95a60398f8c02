import { expect, test } from 'vitest';
import { transcriptOf } from '../../../src/adapters/display/transcript.ts';
import { wordsFor } from '../../../src/adapters/display/words.ts';
import type { StatusEvent } from '../../../src/ports/status-display.ts';

const plain = (_: unknown, text: string) => text;
const shown = (event: StatusEvent, language: 'en' | 'zh-CN') =>
  transcriptOf(event, wordsFor(language), plain).join('\n');

test.each([
  ['en', /microphone is off.*\n?/, /firmware 9\.9.*its updates come with its package/],
  ['zh-CN', /麦克风已关闭/, /新固件 9\.9.*更新随软件包发布/],
] as const)('in %s a microphone that is off and a newer firmware are said', (language, off, upgrade) => {
  expect(shown({ type: 'mute', what: 'microphone', muted: true }, language)).toMatch(off);
  expect(shown({ type: 'mute', what: 'loudspeaker', muted: true }, language)).toBe('');
  expect(shown({ type: 'upgrade', version: '9.9' }, language)).toMatch(upgrade);
});
