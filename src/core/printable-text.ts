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
