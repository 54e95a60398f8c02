import stringWidth from 'string-width';

/** Lines of cells below each other, each column as wide on a terminal as its widest cell. */
export function inColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, stringWidth(cell));
  const padded = (cell: string, at: number) => cell + ' '.repeat((widths[at] ?? 0) - stringWidth(cell));
  return rows.map((row) => `${row.map(padded).join('  ').trimEnd()}\n`).join('');
}
