import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { optionKeys } from '../../src/config/options.ts';
import { ConfigSchema } from '../../src/config/schema.ts';
import { allowedValues, allSettings, configJsonSchema, type Setting } from '../../src/config/settings.ts';

const file = (name: string) => new URL(`../../config/${name}`, import.meta.url).pathname;
const defaults = ConfigSchema.parse({}) as Record<string, unknown>;

function defaultOf(path: string): string {
  let value: unknown = defaults;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[key];
  return value === undefined ? '' : `\`${JSON.stringify(value)}\``;
}

function row({ path, schema, description, secret, known }: Setting): string {
  const allowed = known ? allowedValues(schema).replaceAll('"', '`') : 'see the README';
  return `| \`${path}\`${secret ? ' 🔒' : ''} | ${defaultOf(path)} | ${allowed} | ${description} |`;
}

const KEYS = /(?<=<!-- keys: .* -->\n)[\s\S]*(?=<!-- end of keys -->)/;

/** The cells of a Markdown table, however it is aligned. */
const cells = (table: string) =>
  table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim().replace(/^-+$/, '-')));

test('config/README.md lists every key as the schema has it', () => {
  const table = ['| key | default | allowed | |', '|---|---|---|---|', ...allSettings().map(row)].join('\n');
  const readme = readFileSync(file('README.md'), 'utf8');
  if (process.env.UPDATE_README)
    writeFileSync(
      file('README.md'),
      readme.replace(KEYS, () => `\n${table}\n\n`),
    );
  else expect(cells(KEYS.exec(readme)?.[0] ?? '')).toEqual(cells(table));
});

test('config/README.md lists every option that is a key', () => {
  const readme = readFileSync(file('README.md'), 'utf8');
  for (const { flag, variable, path } of Object.values(optionKeys))
    expect(readme).toMatch(new RegExp(`^\\| \`${flag}\` +\\| \`${variable}\` +\\| \`${path}\` +\\|$`, 'm'));
});

test('config/default.json is what one gets without a file', async () => {
  expect(JSON.parse(readFileSync(file('default.json'), 'utf8'))).toEqual(defaults);
  const { config } = await loadConfig({ configFile: file('default.json'), overrides: [], env: {} });
  expect(config).toEqual(defaults);
});

test('config/example.jsonc is valid', async () => {
  const { config } = await loadConfig({ configFile: file('example.jsonc'), overrides: [], env: {} });
  expect(config.server.url).toBe('cloud');
});

test('every key has a description, and a number says its unit or counts something', () => {
  for (const { path, description } of allSettings()) expect(description, path).not.toBe('');
  const counts = [
    'server.protocolVersion',
    'server.recovery.attempts',
    'audio.complexity',
    'audio.channel',
    'conversation.turns',
    'demo.port',
    'tasks.maxRunning',
    'tasks.maxKept',
    'announcements.triesPerStrategy',
    'announcements.mailboxCapacity',
    'control.tcp.port',
    'recordings.maxFiles',
  ];
  const numbers = allSettings().filter(
    ({ schema, known }) => known && /number|^\d/.test(allowedValues(schema)),
  );
  for (const { path } of numbers)
    if (!counts.includes(path))
      expect(path).toMatch(/(Ms|Hz|Bps|Percent|Seconds|Minutes|Hours|Characters|Megabytes)$/);
});

test('the JSON Schema for editors takes the short form of the server', () => {
  const schema = configJsonSchema() as {
    properties: Record<string, { anyOf?: unknown[] }>;
    additionalProperties: boolean;
  };
  expect(schema.additionalProperties).toBe(false);
  expect(schema.properties.server?.anyOf).toMatchObject([{ type: 'string' }, { type: 'object' }]);
});
