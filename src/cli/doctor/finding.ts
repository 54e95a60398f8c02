/** One line of the report. `fault`: the device could not run; `note`: it runs, with something missing. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'fault';
  readonly subject: string;
  readonly text: string;
  /** What to do about it. */
  readonly fix?: string;
}

export const ok = (subject: string, text: string): Finding => ({ level: 'ok', subject, text });

export const note = (subject: string, text: string, fix?: string): Finding => ({
  level: 'note',
  subject,
  text,
  ...(fix === undefined ? {} : { fix }),
});

export const fault = (subject: string, text: string, fix?: string): Finding => ({
  ...note(subject, text, fix),
  level: 'fault',
});

const MARKS = { ok: '✓', note: '!', fault: '✗' } as const;

/** `✓ Node.js: 20.20.2`, with the remedy on a line of its own. */
export function findingLines({ level, subject, text, fix }: Finding): string {
  const indented = text.replaceAll('\n', '\n    ');
  const remedy = fix === undefined ? '' : `    → ${fix}\n`;
  return `${MARKS[level]} ${subject}: ${indented}\n${remedy}`;
}
