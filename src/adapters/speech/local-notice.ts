import type { SpeechAudio } from './espeak.ts';

const chimeSampleRateHz = 24_000;
const notesHz = [880, 1318.5];
const noteMs = 180;
const pauseMs = 200;
const peak = 7000;
/** A voice without understanding is hard to follow for longer. */
const maxSpokenCharacters = 600;
const chineseCharacter = /\p{Script=Han}/u;

export interface LocalNoticeOptions {
  /** A voice, if this machine has one; resolves to undefined when it has nothing to say. Never rejects. */
  readonly speak: (text: string, language: 'en' | 'zh') => Promise<SpeechAudio | undefined>;
}

/** A notice as sound without any server: a chime, and the words when there is a voice. Never rejects. */
export function createLocalNotice({ speak }: LocalNoticeOptions): (text: string) => Promise<SpeechAudio> {
  return async (text) => {
    const language = chineseCharacter.test(text) ? 'zh' : 'en';
    const speech = await speak(text.slice(0, maxSpokenCharacters), language);
    const sampleRateHz = speech?.sampleRateHz ?? chimeSampleRateHz;
    const chime = noticeChime(sampleRateHz);
    if (!speech) return { sampleRateHz, pcm: chime };
    const pause = Math.round((sampleRateHz * pauseMs) / 1000);
    const pcm = new Int16Array(chime.length + pause + speech.pcm.length);
    pcm.set(chime);
    pcm.set(speech.pcm, chime.length + pause);
    return { sampleRateHz, pcm };
  };
}

/** Two rising notes that begin and end in silence. */
function noticeChime(sampleRateHz: number): Int16Array {
  const samplesPerNote = Math.round((sampleRateHz * noteMs) / 1000);
  const pcm = new Int16Array(samplesPerNote * notesHz.length);
  notesHz.forEach((frequencyHz, note) => {
    for (let i = 0; i < samplesPerNote; i++) {
      const envelope = Math.sin((Math.PI * i) / samplesPerNote);
      const phase = (2 * Math.PI * frequencyHz * i) / sampleRateHz;
      pcm[note * samplesPerNote + i] = Math.round(peak * envelope * Math.sin(phase));
    }
  });
  return pcm;
}
