import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findKeywordModel } from '../../../src/adapters/sherpa/keyword-model.ts';
import {
  createKeywordSpotter,
  SherpaWakeWordDetector,
  wordsOf,
} from '../../../src/adapters/sherpa/keyword-spotter.ts';
import { createSileroVoiceDetector } from '../../../src/adapters/sherpa/silero-voice-detector.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'models-'));
});
afterEach(() => rm(directory, { recursive: true }));

const put = (...names: string[]) =>
  Promise.all(names.map((name) => writeFile(join(directory, name), 'no model')));
const modelFiles = ['encoder-1.onnx', 'decoder-1.onnx', 'joiner-1.onnx', 'tokens.txt', 'keywords.txt'];
const unreadable = (words: RegExp) => ({ code: 'CONFIG_UNREADABLE', message: expect.stringMatching(words) });

describe('the files of a wake word model', () => {
  it('are found by what they are called, the small ones where that matters', async () => {
    await put(...modelFiles, 'encoder-1.int8.onnx', 'decoder-1.int8.onnx', 'joiner-1.int8.onnx');
    expect(await findKeywordModel(directory)).toEqual({
      encoder: join(directory, 'encoder-1.int8.onnx'),
      decoder: join(directory, 'decoder-1.onnx'),
      joiner: join(directory, 'joiner-1.int8.onnx'),
      tokens: join(directory, 'tokens.txt'),
      keywords: join(directory, 'keywords.txt'),
    });
  });

  it('may have the words elsewhere', async () => {
    await put(...modelFiles);
    expect(await findKeywordModel(directory, '/etc/words')).toMatchObject({ keywords: '/etc/words' });
  });

  it.each([
    ['that does not exist', '/nowhere/at/all', /ENOENT.*fetch-wakeword-model/],
    ['without a model', tmpdir(), /no encoder….onnx.*fetch-wakeword-model/],
  ])('are missed in a directory %s', async (_, path, words) => {
    await expect(findKeywordModel(path)).rejects.toMatchObject(unreadable(words));
  });

  it('tell the words as people write them', () => {
    expect(wordsOf('n ǐ h ǎo x iǎo zh ì @你好小智\n\nx iǎo zh ì :1.5 #0.3 @小智\nx iǎo')).toEqual([
      '你好小智',
      '小智',
    ]);
  });
});

// The library ends the process over a file that is no model: that these tests report at all is what they show.
describe('a file that is no model', () => {
  it('is refused as wake word, and the process lives', async () => {
    await put(...modelFiles);
    const opening = createKeywordSpotter({ modelDirectory: directory, threshold: 0.25 });
    await expect(opening).rejects.toMatchObject(unreadable(/^Cannot use the wake word model in .*models-/));
  });

  it('is refused as voice model, and the process lives', async () => {
    await put('silero_vad.onnx');
    const opening = createSileroVoiceDetector(join(directory, 'silero_vad.onnx'));
    await expect(opening).rejects.toMatchObject(unreadable(/^Cannot use the voice model .*silero_vad.onnx/));
  });

  it('that is a directory is refused, for the library would take it', async () => {
    await expect(createSileroVoiceDetector(directory)).rejects.toMatchObject(unreadable(/there is no file/));
  });

  it.each(['tokens.txt', 'keywords.txt'])('is asked for by name when %s is missing', async (name) => {
    await put(...modelFiles.filter((file) => file !== name));
    const opening = createKeywordSpotter({ modelDirectory: directory, threshold: 0.25 });
    await expect(opening).rejects.toMatchObject(unreadable(new RegExp(`there is no .*${name}`)));
  });
});

describe('the wake word detector', () => {
  /** Decodes every push, and hears what it is told to in one of them. */
  function spotter(words: readonly string[]) {
    const calls: string[] = [];
    let ready = false;
    let decoded = 0;
    return {
      calls,
      createStream: () => {
        calls.push('stream');
        return {
          acceptWaveform: ({ samples }: { samples: Float32Array }) => {
            calls.push(`${samples.length} samples up to ${Math.max(...samples)}`);
            ready = true;
          },
        };
      },
      isReady: () => ready,
      decode: () => {
        ready = false;
        decoded += 1;
      },
      reset: () => void calls.push('reset'),
      getResult: () => ({ keyword: words[decoded - 1] ?? '' }),
    };
  }

  it('tells the words once, when they have been decoded', () => {
    const heard: string[] = [];
    const engine = spotter(['', '小智', '']);
    const detector = new SherpaWakeWordDetector(engine, ['你好小智', '小智', '小爱', '小度']);
    detector.onDetected((phrase) => heard.push(phrase));
    for (let i = 0; i < 3; i++) detector.push(Int16Array.of(0, 16_384));
    expect(heard).toEqual(['小智']);
    expect(engine.calls).toEqual([
      'stream',
      '2 samples up to 0.5',
      '2 samples up to 0.5',
      'reset',
      '2 samples up to 0.5',
    ]);
    expect(detector.name).toBe('sherpa-onnx (你好小智, 小智, 小爱)');
  });

  it('begins a new stream when it is armed anew, and hears nothing once closed', () => {
    const engine = spotter(['小智']);
    const detector = new SherpaWakeWordDetector(engine, []);
    detector.reset();
    detector.close();
    detector.push(Int16Array.of(1));
    detector.reset();
    expect(engine.calls).toEqual(['stream', 'stream']);
  });
});
