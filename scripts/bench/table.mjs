const shown = (value, unit) => `${Number(value.toPrecision(3))} ${unit}`.trim();

/** One line per figure; rows without a bound are for information. */
export function printTable(rows) {
  const cells = rows.map(({ figure, measured, unit, bound, least, ok, note = '' }) => [
    figure,
    shown(measured, unit),
    least === undefined ? (bound === undefined ? '' : `≤ ${shown(bound, unit)}`) : `≥ ${shown(least, unit)}`,
    ok === undefined ? '' : ok ? 'ok' : 'MISSED',
    note,
  ]);
  const table = [['figure', 'measured', 'bound', '', ''], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    );
}
