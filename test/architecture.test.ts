import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it, test } from 'vitest';

const source = resolve(import.meta.dirname, '../src');

/** What is joined by those who may know everything. */
const inside = [
  'core',
  'ports',
  'protocol',
  'audio',
  'machine',
  'mcp',
  'config',
  'processes',
  'network',
  'demo-server',
  'runtime',
  'adapters',
  'node',
];

/** Who may import whom, by layer; arrows point inward. Packages are named, Node's own modules count as `node`. */
const permissions: Readonly<Record<string, readonly string[]>> = {
  core: ['node:crypto', 'node:vm'],
  ports: ['core'],
  protocol: ['core', 'zod', 'node:crypto'],
  processes: ['core', 'node'],
  // What all connections share, whoever makes them.
  network: ['core', 'node', 'https-proxy-agent'],
  audio: ['core', 'ports'],
  // What is told, when and how is part of the model: pure functions over the mailbox.
  machine: ['core', 'xstate', 'mcp/announcements'],
  mcp: [
    'core',
    'ports',
    'zod',
    '@modelcontextprotocol/server',
    'picomatch',
    'node:crypto',
    'node:util',
    'node:vm',
  ],
  config: ['core', 'ports', 'zod', 'fastest-levenshtein', '@humanwhocodes/momoa', 'shell-quote', 'node'],
  'demo-server': ['core', 'protocol', 'audio', 'ports', 'zod', 'ws', 'aedes', 'node'],
  runtime: ['core', 'ports', 'protocol', 'audio', 'machine', 'mcp', 'xstate'],
  // Runners give what the MCP server runs: its type is their port.
  adapters: [
    'core',
    'ports',
    'protocol',
    'audio/format',
    'mcp/tool.ts',
    'processes',
    'network',
    'node',
    'package',
  ],
  cli: [
    ...inside,
    'app',
    'app-codec',
    'app-tools',
    'app-installs',
    'app-control',
    'app-voice',
    'app-device-tools',
  ],
  app: [...inside, 'app-codec', 'app-tools', 'app-voice', 'app-exchange', 'app-recorder'],
  'app-exchange': [...inside, 'app-tools', 'app-mounts', 'app-installs', 'app-access-points', 'app-control'],
  'app-tools': [...inside, 'app-device-tools'],
  'app-device-tools': inside,
  'app-control': inside,
  'app-installs': inside,
  'app-access-points': inside,
  'app-mounts': inside,
  'app-codec': ['core', 'ports', 'adapters'],
  'app-recorder': ['core', 'ports', 'audio', 'config', 'adapters', 'node'],
  'app-voice': ['core', 'ports', 'audio', 'machine', 'config', 'adapters', 'node'],
  // Starts the program and knows nothing of it.
  launch: ['node'],
  main: ['cli', 'config', 'core', 'network', 'adapters/log', 'commander', 'node'],
};

interface Import {
  readonly file: string;
  /** As written, or for files of ours the path below src/. */
  readonly target: string;
}

const imports: readonly Import[] = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), 'utf8').replace(/^\s*(\/\/|\/?\*).*$/gm, '');
  const found = text.matchAll(/(?:\bfrom\s+|^import\s+|\bimport\(\s*)'([^']+)'/gm);
  return [...found].map(([, written = '']) => ({
    file,
    target: written.startsWith('.') ? relative(source, resolve(source, file, '..', written)) : written,
  }));
}

const layerOf = (path: string): string => path.split('/')[0]?.replace(/\.ts$/, '') ?? '';
const isOurs = ({ target }: Import): boolean => target.endsWith('.ts');
const isNode = ({ target }: Import): boolean => target.startsWith('node:') || builtinModules.includes(target);
const isPackage = (imported: Import): boolean => !isOurs(imported) && !isNode(imported);
/** A package and its plug-ins count as one: pino-pretty is a printer of pino's. */
const familyOf = (name: string): string =>
  name.startsWith('pino') ? 'pino' : /^@?hono\b/.test(name) ? 'hono' : name;
/** `@scope/name/part` → `@scope/name`. */
const packageOf = (target: string): string =>
  target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
/** `src/adapters/audio/x.ts` → `adapters/audio`. */
const folderOf = (path: string): string => path.split('/').slice(0, -1).join('/');

function isAllowed(imported: Import): boolean {
  const { file, target } = imported;
  const allowed = permissions[layerOf(file)] ?? [];
  if (isNode(imported)) return allowed.includes('node') || allowed.includes(target);
  if (isPackage(imported)) return allowed.includes('package') || allowed.includes(packageOf(target));
  if (layerOf(file) === 'adapters' && layerOf(target) === 'adapters')
    return folderOf(target) === folderOf(file);
  const layer = layerOf(target);
  return (
    (layer === layerOf(file) && layer !== 'main') ||
    allowed.includes(layer) ||
    allowed.some((path) => path.includes('/') && target.startsWith(path))
  );
}

const shown = ({ file, target }: Import): string => `${file} → ${target}`;

describe('the layers', () => {
  it('are all known, so that a new folder needs a line in the table', () => {
    const layers = new Set(imports.map(({ file }) => layerOf(file)));
    expect([...layers].filter((layer) => !(layer in permissions))).toEqual([]);
  });

  it('import only what the table allows', () => {
    expect(imports.filter((imported) => !isAllowed(imported)).map(shown)).toEqual([]);
  });

  it('let each adapter file import one package at most', () => {
    const packagesOf = new Map<string, Set<string>>();
    for (const imported of imports.filter((one) => layerOf(one.file) === 'adapters' && isPackage(one))) {
      packagesOf.set(
        imported.file,
        (packagesOf.get(imported.file) ?? new Set()).add(familyOf(imported.target)),
      );
    }
    const crowded = [...packagesOf].filter(([, packages]) => packages.size > 1);
    expect(crowded.map(([file, packages]) => `${file}: ${[...packages].join(', ')}`)).toEqual([]);
  });
});

test('what npm may leave out is imported by nobody: neither the checks nor the tests would begin', () => {
  const root = resolve(source, '..');
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    optionalDependencies: Readonly<Record<string, string>>;
  };
  const names = Object.keys(optionalDependencies).join('|');
  const byName = new RegExp(`(?:\\bfrom\\s+|^import\\s+)'(?:${names})'`, 'm');
  const importing = ['src', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => byName.test(readFileSync(join(root, folder, file), 'utf8')))
      .map((file) => `${folder}/${file}`),
  );
  expect(importing).toEqual([]);
});
