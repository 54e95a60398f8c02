import { distance } from 'fastest-levenshtein';

/** The candidate somebody probably meant; undefined when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const ranked = candidates
    .map((candidate) => ({ candidate, far: farness(lower, candidate.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= mostWrongLetters(word) ? best.candidate : undefined;
}

/**
 * The candidate of which a word is a misspelling; stricter than `nearest`: the word may as well be right, in a program that we
 * do not know.
 */
export function misspelt(word: string, candidates: readonly string[]): string | undefined {
  const near = nearest(word, candidates);
  if (near === undefined) return undefined;
  const [one, other] = [word.toLowerCase(), near.toLowerCase()];
  const isNear = lettersOf(one) === lettersOf(other) || distance(one, other) <= (word.length < 5 ? 1 : 2);
  return isNear ? near : undefined;
}

/** Of a short word two wrong letters leave too little: `foo` is not meant to be `log`. */
const mostWrongLetters = (word: string): number => (word.length < 4 ? 1 : Math.max(2, word.length / 3));

const lettersOf = (word: string): string => [...word].sort().join('');

/** Letters in the wrong order (`ulr`) are one mistake. A name cut short (`volume` for `volumePercent`) is nearer than its length tells. */
function farness(word: string, candidate: string): number {
  if (lettersOf(word) === lettersOf(candidate)) return Math.min(1, distance(word, candidate));
  const cutShort = word.length >= 4 && (candidate.startsWith(word) || word.startsWith(candidate));
  return cutShort ? Math.min(1, distance(word, candidate)) : distance(word, candidate);
}
