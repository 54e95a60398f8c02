import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { skipped } from '../support/skipped.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const notRoot = process.getuid?.() === 0 ? undefined : 'only root can act for somebody else';
const scripts = new URL('../../scripts/', import.meta.url).pathname;

/** As npm writes it. */
const lockOf = (version: string, optional?: string) =>
  JSON.stringify({
    packages: {
      '': { name: 'app' },
      'node_modules/is-there': { version },
      ...(optional && { [`node_modules/${optional}`]: { version: '1', optional: true } }),
    },
  });

/**
 * A checkout with the real scripts and the smallest program, and an npm that writes down what it was asked and installs an
 * empty folder per package; `FAKE_NPM` makes it fail as the real one does.
 */
async function checkout() {
  const directory = await temporaryDirectory();
  const at = (...path: string[]) => join(directory, 'app', ...path);
  for (const path of ['scripts', 'src', '../bin', '../home/.npm']) mkdirSync(at(path), { recursive: true });
  for (const name of ['readiness.mjs', 'ensure-ready.mjs', 'start.mjs'])
    cpSync(join(scripts, name), at('scripts', name));
  writeFileSync(at('scripts/bundle-options.mjs'), '');
  writeFileSync(
    at('scripts/build.mjs'),
    `import fs from 'node:fs'; fs.appendFileSync('log', 'build\\n'); fs.mkdirSync('dist', { recursive: true });
     fs.copyFileSync('src/main.js', 'dist/main.js');`,
  );
  writeFileSync(at('src/main.js'), 'console.log("runs", process.argv[1], process.argv.slice(2).join(" "))');
  const optionalDependencies = { 'is-there': '1', 'is-not': '1' };
  writeFileSync(
    at('package.json'),
    JSON.stringify({ type: 'module', optionalDependencies, scripts: { start: 'node scripts/start.mjs' } }),
  );
  writeFileSync(at('package-lock.json'), lockOf('1'));
  const npm = join(directory, 'bin/npm');
  writeFileSync(
    npm,
    `#!/usr/bin/env node
     const fs = require('node:fs');
     fs.appendFileSync('log', ['npm', ...process.argv.slice(2).filter((word) => !word.startsWith('--') || word === '--no-save')].join(' ') + '\\n');
     fs.appendFileSync('cache', (process.env.npm_config_cache ?? 'usual') + '\\n');
     if (process.env.FAKE_NPM === 'fail') { console.error('npm error network ENOTFOUND'); process.exit(1); }
     if (process.argv[2] === 'ci') fs.rmSync('node_modules', { recursive: true, force: true });
     fs.mkdirSync('node_modules/is-there', { recursive: true });
     fs.mkdirSync('node_modules/segfault-handler', { recursive: true });
     if (process.env.FAKE_NPM === 'killed') process.kill(process.pid, 'SIGKILL');
     if (process.argv[2] !== 'rebuild') fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');`,
  );
  chmodSync(npm, 0o755);
  const start = (
    env: Record<string, string> = {},
    script = 'start.mjs',
    args: string[] = ['--turns', '1'],
  ) => {
    rmSync(at('log'), { force: true });
    rmSync(at('cache'), { force: true });
    const { status, stdout, stderr } = spawnSync(process.execPath, [at('scripts', script), ...args], {
      cwd: directory,
      encoding: 'utf8',
      env: {
        PATH: [join(directory, 'bin'), process.env.PATH].join(delimiter),
        HOME: join(directory, 'home'),
        ...env,
      },
    });
    const read = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), 'utf8').trim() : '');
    return { status, stdout, stderr, did: read('log').split('\n').filter(Boolean), cache: read('cache') };
  };
  return { at, start, directory };
}

test('the first start installs, builds and runs; the second only runs, and needs no network', async () => {
  const { at, start } = await checkout();
  const first = start();
  expect(first).toMatchObject({ status: 0, did: ['npm ci', 'build'] });
  expect(first.stdout).toBe(`runs ${at('dist/main.js')} --turns 1\n`);
  expect(start({ FAKE_NPM: 'fail' })).toMatchObject({ status: 0, did: [], stderr: '' });
});

test('what could not be installed is said in one sentence, and the command that tries again is one', async () => {
  const { start } = await checkout();
  expect(start().stderr).toMatch(/does without: is-not\. "node dist\/main\.js doctor" says/);
  expect(start({}, 'ensure-ready.mjs', ['--again']).did).toEqual(['npm install --no-save', 'build']);
});

test('an installation that was killed is done anew', async () => {
  const { start } = await checkout();
  expect(start({ FAKE_NPM: 'killed' })).toMatchObject({ status: 1 });
  expect(start()).toMatchObject({ status: 0, did: ['npm ci', 'build'] });
});

test('starts at once install once', async () => {
  const { at, directory } = await checkout();
  writeFileSync(at('.installing'), '');
  const run = () =>
    promisify(execFile)(process.execPath, [at('scripts/ensure-ready.mjs')], {
      env: { HOME: join(directory, 'home'), PATH: `${join(directory, 'bin')}:${process.env.PATH}` },
    });
  await Promise.all([run(), run(), run()]);
  expect(readFileSync(at('log'), 'utf8').match(/^npm .*$/gm)).toEqual(['npm ci']);
});

test('a start that was killed before it built goes on with building', async () => {
  const { at, start } = await checkout();
  start();
  rmSync(at('dist'), { recursive: true });
  rmSync(at('node_modules/.xiaozhi-packages.json'));
  expect(start()).toMatchObject({ status: 0, did: ['build'] });
});

test('another lock file brings the packages up to date; without network it says so and takes nothing away', async () => {
  const { at, start } = await checkout();
  start();
  writeFileSync(at('package-lock.json'), lockOf('2'));
  const without = start({ FAKE_NPM: 'fail' });
  expect(without).toMatchObject({ status: 1, did: ['npm install --no-save'] });
  expect(without.stderr).toMatch(/npm install failed\. Check the network, then run the command again\.$/m);
  expect(existsSync(at('node_modules/is-there'))).toBe(true);
  expect(start()).toMatchObject({ status: 0, did: ['npm install --no-save', 'build'] });
  expect(start().did).toEqual([]);
});

test('whoever ran npm himself is not made to run it again, unless it installed something else', async () => {
  const { at, start } = await checkout();
  start();
  writeFileSync(at('package-lock.json'), lockOf('2', 'and a new optional one'));
  writeFileSync(at('node_modules/.package-lock.json'), lockOf('2'));
  expect(start().did).toEqual(['build']);
  writeFileSync(at('package-lock.json'), lockOf('3'));
  writeFileSync(at('node_modules/.package-lock.json'), lockOf('2'));
  expect(start().did).toEqual(['npm install --no-save', 'build']);
});

test('a lock file that was only touched costs no installation', async () => {
  const { at, start } = await checkout();
  start();
  const later = new Date(Date.now() + 60_000);
  utimesSync(at('package-lock.json'), later, later);
  expect(start().did).toEqual([]);
});

test('another Node only builds what belongs to one Node, once', async () => {
  const { at, start } = await checkout();
  start();
  const stamp = at('node_modules/.xiaozhi-packages.json');
  writeFileSync(stamp, JSON.stringify({ ...JSON.parse(readFileSync(stamp, 'utf8')), node: '108' }));
  const upgraded = start();
  expect(upgraded).toMatchObject({ status: 0, did: ['npm rebuild segfault-handler'] });
  expect(upgraded.stderr).toContain('Node is another one than before');
  expect(start().did).toEqual([]);
});

test('another Node starts even where nothing can be built for it', async () => {
  const { at, start } = await checkout();
  start();
  const stamp = at('node_modules/.xiaozhi-packages.json');
  writeFileSync(stamp, JSON.stringify({ ...JSON.parse(readFileSync(stamp, 'utf8')), node: '108' }));
  const upgraded = start({ FAKE_NPM: 'fail' });
  expect(upgraded.status).toBe(0);
  expect(upgraded.stderr).toMatch(/could not be built for it.*"npm run packages" tries again/);
});

test('packages of another machine are installed anew', async () => {
  const { at, start } = await checkout();
  start();
  const stamp = at('node_modules/.xiaozhi-packages.json');
  writeFileSync(stamp, JSON.stringify({ ...JSON.parse(readFileSync(stamp, 'utf8')), machine: 'linux-mips' }));
  expect(start()).toMatchObject({ status: 0, did: ['npm ci', 'build'] });
});

test('a home that nothing can be written to is no obstacle: npm keeps its files elsewhere, and they are gone afterwards', async () => {
  const { start } = await checkout();
  const { status, cache } = start({ HOME: '/proc/self' });
  expect(status).toBe(0);
  expect(cache).toMatch(/xiaozhi-npm-/);
  expect(existsSync(cache)).toBe(false);
  expect((await checkout()).start().cache).toBe('usual');
});

test('a disk without room is said before anything is installed: npm would wait for ever', async () => {
  const { at, start } = await checkout();
  writeFileSync(
    at('full.cjs'),
    `require('node:fs').statfsSync = () => ({ bavail: 1_000, bsize: 4_096 });
     require('node:module').syncBuiltinESMExports();`,
  );
  const full = start({ NODE_OPTIONS: `--require=${at('full.cjs')}` });
  expect(full).toMatchObject({ status: 1, did: [] });
  expect(full.stderr).toMatch(
    /little room left on the disk of .*: free 400 MB, then run the command again\.$/m,
  );
});

test('npm with its scripts switched off starts the device all the same', async () => {
  const { at, start } = await checkout();
  start();
  rmSync(at('dist'), { recursive: true });
  const { status, stdout } = spawnSync(
    'npm',
    ['start', '--silent', '--ignore-scripts', '--', '--turns', '1'],
    {
      cwd: at(),
      encoding: 'utf8',
    },
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: `runs ${at('dist/main.js')} --turns 1\n` });
});

test('a Node that is too old is one sentence, whatever else is missing', async () => {
  const { at, directory } = await checkout();
  const preload = join(directory, 'old.cjs');
  writeFileSync(
    preload,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } });`,
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--require', preload, at('scripts/start.mjs')],
    { encoding: 'utf8' },
  );
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toBe(
    'xiaozhi-speaker needs Node.js 20 or newer; this is 18.20.4. Install a newer one from your distribution or nodejs.org.\n',
  );
});

test.skipIf(notRoot)(
  `under sudo nothing of root is left in a person's checkout${skipped(notRoot)}`,
  async () => {
    const { at, start, directory } = await checkout();
    spawnSync('chown', ['-R', '12345:12345', directory]);
    chmodSync(directory, 0o755);
    expect(start().status).toBe(0);
    const found = spawnSync('find', [at('node_modules'), at('dist'), '-user', 'root'], { encoding: 'utf8' });
    expect(found.stdout).toBe('');
  },
);

test.skipIf(notRoot)(
  `files that belong to somebody else are told with the line that gives them back${skipped(notRoot)}`,
  async () => {
    const { at, directory } = await checkout();
    spawnSync('chown', ['-R', '12345:12345', directory]);
    chmodSync(directory, 0o755);
    mkdirSync(at('node_modules'));
    const options = { uid: 12_345, gid: 12_345, encoding: 'utf8', env: { PATH: process.env.PATH } } as const;
    const { status, stderr } = spawnSync(process.execPath, [at('scripts/start.mjs')], {
      ...options,
      env: { PATH: `${join(directory, 'bin')}:${process.env.PATH}`, FAKE_NPM: 'fail' },
      cwd: at(),
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/node_modules belongs to somebody else: sudo chown -R/);
  },
);
