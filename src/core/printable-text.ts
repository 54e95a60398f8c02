const esc = String.fromCharCode(0x1b);
const bell = String.fromCharCode(0x07);
const controlSequenceIntroducer = String.fromCharCode(0x9b);

/** CSI sequences, OSC/DCS/APC/PM/SOS strings and two-character escapes (ECMA-48 §5). */
const escapeSequences = new RegExp(
  [
    `(?:${esc}\\[|${controlSequenceIntroducer})[0-?]*[ -/]*[@-~]`,
    `${esc}[\\]P_^X][^${bell}${esc}]*(?:${bell}|${esc}\\\\)`,
    `${esc}[ -/]*[0-~]`,
  ].join('|'),
  'g',
);
const lineBreaks = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
/** Format characters reverse or hide text; only the joiners that emoji and Indic scripts are made of may stay. */
const invisible = /(?![\u200c\u200d])[\p{Cc}\p{Cf}]/gu;
const loneSurrogate = /\p{Surrogate}/gu;

/**
 * Somebody else's text as one harmless line: no control characters or escape sequences that could steer a terminal, line
 * breaks folded to spaces, cut after `maxCharacters` (Unicode code points) with an ellipsis.
 */
export function printableText(text: string, maxCharacters: number): string {
  // Bounds the work before the patterns run; sequences that are cut in half lose their ESC like any control character.
  const bounded = text.slice(0, maxCharacters * 4);
  const clean = bounded
    .replace(escapeSequences, '')
    .replace(lineBreaks, ' ')
    .replace(invisible, '')
    .replace(loneSurrogate, '\ufffd')
    .trim();
  const characters = Array.from(clean);
  if (characters.length <= maxCharacters && bounded.length === text.length) return clean;
  return `${characters.slice(0, Math.max(0, maxCharacters - 1)).join('')}…`;
}

/**
 * Letters that are not seen but are read by a model: control and format characters, tags, variation selectors beyond one, blanks
 * that are letters. Joiners may stand where emoji and the scripts that need them have them.
 */
const unseen = new RegExp(
  [
    // What stays, first: as it is, it is not looked at again.
    String.raw`(?<=\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d(?=\p{Extended_Pictographic})`,
    String.raw`(?<=\p{M}|\p{Script=Arabic})(?:\u200c|\u200d)(?=\p{L}|\p{M})`,
    String.raw`(?<!\ufe0e|\ufe0f)(?:\ufe0e|\ufe0f)`,
    String.raw`([\p{Cc}\p{Cf}\p{Surrogate}\p{Co}\p{Zl}\p{Zp}\p{Variation_Selector}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0])`,
  ].join('|'),
  'gu',
);

const escaped = (letter: string): string => `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`;

/** The text with everything visible that a model would read and nobody would see; line ends and tabs of it stay. */
export function withUnseenShown(text: string): string {
  return text.replace(unseen, (match: string, hidden: string | undefined) =>
    hidden === undefined || /[\n\r\t]/.test(hidden) ? match : escaped(hidden),
  );
}

/** Whether a text holds letters that nobody sees. */
export const hasUnseen = (text: string): boolean => withUnseenShown(text) !== text;

/** As `withUnseenShown`, on one line: for a terminal that shows all of what a model reads, however long it is. */
export function wholeText(text: string): string {
  return withUnseenShown(text).replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
}
