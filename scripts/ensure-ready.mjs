// Runs before `npm start`, `npm test` and `npm run bench`: installs packages and builds dist/ when they are missing
// or out of date, and says so on standard error, so that standard output stays free for `--events -`.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [major] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(
    `xiaozhi-speaker needs Node.js 20 or newer; this is ${process.versions.node}. Install a newer one from your distribution or nodejs.org.`,
  );
  process.exit(2);
}

const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newestMs(directory) {
  let newest = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile())
      newest = Math.max(newest, modifiedMs(join(entry.parentPath ?? entry.path, entry.name)));
  }
  return newest;
}

/** Where the ready-made binary of the Opus package cannot be fetched it is compiled, with Node's headers from here or from the net. */
function withLocalHeaders(environment) {
  const prefix = join(dirname(realpathSync(process.execPath)), '..');
  const isKnown = environment.npm_config_nodedir || !existsSync(join(prefix, 'include/node/node_api.h'));
  return isKnown ? environment : { ...environment, npm_config_nodedir: prefix };
}

function run(command, args, whatToDo) {
  // Standard output of the child goes to our standard error.
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: withLocalHeaders(process.env),
  });
  if (status === 0) return;
  console.error(`\n${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}. ${whatToDo}`);
  process.exit(1);
}

const installed = join(root, 'node_modules/.package-lock.json');
if (modifiedMs(installed) < modifiedMs(join(root, 'package-lock.json'))) {
  console.error('Installing packages (once; a minute or so)…');
  run(
    'npm',
    ['ci', '--no-audit', '--no-fund', '--loglevel', 'error'],
    'Check the network, and that a C++ compiler, make and python3 are installed (Debian: apt-get install build-essential python3), then run the command again.',
  );
}

const built = modifiedMs(join(root, 'dist/main.js'));
const sources = Math.max(
  newestMs(join(root, 'src')),
  modifiedMs(join(root, 'package.json')),
  modifiedMs(join(root, 'scripts/build.mjs')),
  modifiedMs(join(root, 'scripts/bundle-options.mjs')),
  modifiedMs(installed),
);
if (built < sources) {
  console.error('Building…');
  run(
    process.execPath,
    [join(root, 'scripts/build.mjs')],
    'If you changed nothing in src/, remove node_modules and run the command again.',
  );
}
