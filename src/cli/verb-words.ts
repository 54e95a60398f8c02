import { type DeviceState, maxSaidCharacters, type Verb } from '../ports/verbs.ts';

/** What words ask for; a string says what is wrong with them. */
export type ReadVerb = Verb | 'quit' | { readonly fault: string };

const usage =
  'talk [press|release|toggle], release, interrupt, hangup, say [--notice] TEXT, mute|unmute [loudspeaker|microphone], volume 0–100, mode auto|manual|realtime, quit';

/** A line such as `say what time is it`. Never throws. */
export function readVerb(line: string): ReadVerb {
  const [word = '', ...rest] = line.trim().split(/\s+/);
  const [first] = rest;
  const after = line.trim().slice(word.length).trim();
  switch (word.toLowerCase()) {
    case 'talk':
      return oneOf(first ?? 'toggle', ['press', 'release', 'toggle'], (action) => ({ verb: 'talk', action }));
    case 'press':
      return { verb: 'talk', action: 'press' };
    case 'release':
      return { verb: 'talk', action: 'release' };
    case 'interrupt':
      return { verb: 'interrupt' };
    case 'hangup':
      return { verb: 'hangup' };
    case 'say':
      return readSay(after);
    case 'mute':
    case 'unmute': {
      const muted = word.toLowerCase() === 'mute';
      const what = first === 'mic' ? 'microphone' : (first ?? 'loudspeaker');
      return oneOf(what, ['loudspeaker', 'microphone'], (device) => ({ verb: 'mute', what: device, muted }));
    }
    case 'volume':
      return readVolume(first);
    case 'mode':
      return oneOf(first ?? '', ['auto', 'manual', 'realtime'], (mode) => ({ verb: 'mode', mode }));
    case 'quit':
      return 'quit';
    default:
      return { fault: `There is no such verb. Verbs are: ${usage}.` };
  }
}

/** One line for people. */
export function stateLine({ state, volumePercent, muted, microphoneMuted, mode }: DeviceState): string {
  const loudspeaker = muted ? 'loudspeaker muted' : `volume ${volumePercent} %`;
  return [state, `${mode} mode`, loudspeaker, ...(microphoneMuted ? ['microphone muted'] : [])].join(', ');
}

function readSay(text: string): ReadVerb {
  const notice = /^--notice(?:\s+|$)/.exec(text);
  const said = notice ? text.slice(notice[0].length) : text;
  if (said === '') return { fault: 'Say what: say TEXT, or say --notice TEXT.' };
  if (said.length > maxSaidCharacters)
    return { fault: `A text has at most ${maxSaidCharacters} characters.` };
  return { verb: 'say', text: said, as: notice ? 'notice' : 'user' };
}

function readVolume(text: string | undefined): ReadVerb {
  const percent = /^\d{1,3}%?$/.test(text ?? '') ? Number.parseInt(text ?? '', 10) : Number.NaN;
  return percent >= 0 && percent <= 100
    ? { verb: 'volume', percent }
    : { fault: 'The volume is a whole number from 0 to 100: volume 70.' };
}

function oneOf<Word extends string>(
  given: string,
  words: readonly Word[],
  verb: (word: Word) => Verb,
): ReadVerb {
  const word = words.find((one) => one === given);
  return word === undefined ? { fault: `Choose one of ${words.join(', ')}.` } : verb(word);
}
