const width = 760;
const height = 300;
const left = 50;
const bottom = 70;
const colors = { buffer: '#2b7a4b', 'as-it-comes': '#c0504d' };
const names = { buffer: 'jitter buffer', 'as-it-comes': 'as it comes (what the firmware does)' };

/**
 * Bars: silences per minute of speech, network by network, with and without the jitter buffer.
 * @param rows of one kind of sender: `{loss, jitterMs, reorder, player, silences}`; silences are per two minutes
 */
export function plot(rows) {
  const networks = [...new Set(rows.map(label))];
  const most = Math.max(1, ...rows.map(perMinute));
  const slot = (width - left - 10) / networks.length;
  const toY = (value) => height - bottom - ((height - bottom - 40) * value) / most;
  const bars = rows.map((row) => {
    const x =
      left + networks.indexOf(label(row)) * slot + (row.player === 'buffer' ? slot * 0.15 : slot * 0.5);
    const y = toY(perMinute(row));
    const barHeight = Math.max(1, height - bottom - y);
    return (
      `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(slot * 0.33).toFixed(1)}" height="${barHeight.toFixed(1)}" fill="${colors[row.player]}"/>` +
      `<text x="${(x + slot * 0.165).toFixed(1)}" y="${(y - 4).toFixed(1)}" text-anchor="middle" font-size="10">${perMinute(row).toFixed(0)}</text>`
    );
  });
  const labels = networks.map((name, i) => {
    const x = left + (i + 0.5) * slot;
    const lines = name
      .split('\n')
      .map((line, at) => `<tspan x="${x.toFixed(1)}" dy="${at === 0 ? 0 : 13}">${line}</tspan>`);
    return `<text x="${x.toFixed(1)}" y="${height - bottom + 16}" text-anchor="middle" font-size="11">${lines.join('')}</text>`;
  });
  const legend = Object.entries(names).map(
    ([player, name], i) =>
      `<rect x="${left + i * 150}" y="24" width="10" height="10" fill="${colors[player]}"/><text x="${left + 15 + i * 150}" y="33" font-size="11">${name}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" fill="#333">`,
    '<title>Holes in one minute of speech with and without the jitter buffer</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="16" font-size="13">Holes in one minute of speech: loss, jitter, reordering below each pair</text>`,
    ...legend,
    `<line x1="${left}" y1="${height - bottom}" x2="${width - 10}" y2="${height - bottom}" stroke="#333"/>`,
    ...bars,
    ...labels,
    '</svg>',
    '',
  ].join('\n');
}

const perMinute = ({ silences }) => silences / 2;
const label = ({ loss, jitterMs, reorder }) =>
  `${Math.round(loss * 100)} %\n${jitterMs} ms\n${Math.round(reorder * 100)} %`;
