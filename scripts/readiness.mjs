// Installs the packages and builds dist/ where they are missing or out of date, and says so on standard error, so that
// standard output stays free for `--events -`. Only what an old Node understands stands at the top level.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lockFile = join(root, 'package-lock.json');
const modules = join(root, 'node_modules');
/** npm writes this last, so it is missing after an installation that was interrupted. */
const installed = join(modules, '.package-lock.json');
/** What the packages were installed for. */
const stamp = join(modules, '.xiaozhi-packages.json');
/** An installation takes about 350 MB, bringing it up to date less. */
const ROOM_BYTES = { ci: 400e6, install: 100e6 };
/** Packages whose binary belongs to one version of Node. */
const BOUND_TO_NODE = ['segfault-handler'];

/** A line for the person; nothing else is said about it. */
class NotReady extends Error {}

/**
 * Makes `npm start` and its like possible. Ends the process, with a line on standard error, where it cannot: 2 for a Node
 * that is too old, else 1.
 * @param again also tries the optional packages that could not be had before
 */
export function ensureReady({ again = false } = {}) {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    console.error(
      `xiaozhi-speaker needs Node.js 20 or newer; this is ${process.versions.node}. Install a newer one from your distribution or nodejs.org.`,
    );
    process.exit(2);
  }
  try {
    ensurePackages(again);
    ensureBuilt();
  } catch (error) {
    if (!(error instanceof NotReady)) throw error;
    console.error(`\n${error.message}`);
    process.exit(1);
  }
}

/**
 * Two starts at once would install into each other's packages: the second waits until the first has ended. The lock is the
 * kernel's, so one that was killed leaves none; where there is no flock(1), there is no lock.
 */
function oneAtATime(again, work) {
  if (process.env.XIAOZHI_INSTALLING) return work();
  const self = [process.execPath, join(root, 'scripts/ensure-ready.mjs'), ...(again ? ['--again'] : [])];
  const { status, error } = spawn('flock', [join(root, '.installing'), ...self], { XIAOZHI_INSTALLING: '1' });
  if (error) return work();
  if (status !== 0) process.exit(1);
}

const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const fits = () => ({
  lock: createHash('sha256').update(readFileSync(lockFile)).digest('hex'),
  machine: `${process.platform}-${process.arch}`,
  node: process.versions.modules,
});

function readStamp() {
  try {
    return JSON.parse(readFileSync(stamp, 'utf8'));
  } catch {
    return {};
  }
}

function ensurePackages(again) {
  if (lacking() || again)
    oneAtATime(again, () => {
      const now = lacking();
      if (now || again) install(now !== 'all');
    });
  const [is, should] = [readStamp(), fits()];
  if ((is.node ?? should.node) !== should.node) rebuildForThisNode(is.node);
  if (JSON.stringify(is) !== JSON.stringify(should)) writeStamp(should);
}

/** `all` packages are missing, or `some` may be; undefined when none is. */
function lacking() {
  const [is, should] = [readStamp(), fits()];
  if (!existsSync(installed) || (is.machine ?? should.machine) !== should.machine) return 'all';
  // Whoever ran npm by himself may have what the lock file says, too.
  return is.lock === should.lock || holdsAll() ? undefined : 'some';
}

/** Whether what npm says is installed is what the lock file asks for; optional packages may be missing. */
function holdsAll() {
  const packagesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  const there = packagesOf(installed);
  return Object.entries(packagesOf(lockFile)).every(
    ([path, { version, optional }]) => path === '' || optional || there[path]?.version === version,
  );
}

/** @param isWhole packages are there and are only brought up to date: a network that is away takes nothing then */
function install(isWhole) {
  const command = isWhole ? ['install', '--no-save'] : ['ci'];
  // npm itself may wait for ever for a disk that is full.
  if (freeBytes(root) < ROOM_BYTES[command[0]])
    throw new NotReady(`${littleRoom()}, then run the command again.`);
  console.error('Installing packages (once; a minute or so)…');
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  // Whatever is in people's .npmrc: the build needs its tools, and one package is stricter about Node than need be.
  const all = ['--include=dev', '--include=optional', '--engine-strict=false'];
  withRoomForNpm((environment) =>
    run('npm', [...command, ...quiet, ...all], { ...environment, ...compilerFlags() }, 'Check the network'),
  );
  const missing = Object.keys(optionalPackages()).filter((name) => !existsSync(join(modules, name)));
  if (missing.length > 0) {
    console.error(
      `Not installed, and the device does without: ${missing.join(', ')}. "node dist/main.js doctor" says what that costs and what brings them.`,
    );
  }
}

const optionalPackages = () =>
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).optionalDependencies;

function rebuildForThisNode(before) {
  const names = BOUND_TO_NODE.filter((name) => existsSync(join(modules, name)));
  if (names.length === 0) return;
  console.error(`Node is another one than before (ABI ${process.versions.modules}, was ${before}).`);
  withRoomForNpm((environment) => {
    const { status } = spawn('npm', ['rebuild', '--silent', ...names], environment);
    if (status !== 0) {
      console.error(
        `${names.join(', ')} could not be built for it, so naudiodon may not load; the device does without. "npm run packages" tries again.`,
      );
    }
  });
}

/** Kept beside the packages, and theirs whose packages they are. */
function writeStamp(should) {
  try {
    writeFileSync(stamp, JSON.stringify(should));
    if (owner()) chownSync(stamp, owner().uid, owner().gid);
  } catch {
    // Only a question is asked again at the next start.
  }
}

function ensureBuilt() {
  const built = modifiedMs(join(root, 'dist/main.js'));
  const parts = ['package.json', 'scripts/build.mjs', 'scripts/bundle-options.mjs'];
  const sources = [
    newestMs(join(root, 'src')),
    modifiedMs(installed),
    ...parts.map((p) => modifiedMs(join(root, p))),
  ];
  if (built >= Math.max(...sources)) return;
  console.error('Building…');
  run(
    process.execPath,
    [join(root, 'scripts/build.mjs')],
    {},
    'If you changed nothing in src/, remove node_modules',
  );
}

function newestMs(directory) {
  let newest = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile())
      newest = Math.max(newest, modifiedMs(join(entry.parentPath ?? entry.path, entry.name)));
  }
  return newest;
}

/** Where a package has to be compiled: all cores, Node's headers from here instead of from the net. */
function compilerFlags() {
  const prefix = join(dirname(realpathSync(process.execPath)), '..');
  const hasHeaders = existsSync(join(prefix, 'include/node/node_api.h'));
  return {
    JOBS: process.env.JOBS ?? 'max',
    ...missingDeclaration(),
    ...(hasHeaders && !process.env.npm_config_nodedir && { npm_config_nodedir: prefix }),
  };
}

/** See scripts/opus-arm64.h. Make takes no path with spaces. */
function missingDeclaration() {
  const header = join(root, 'scripts/opus-arm64.h');
  if (process.arch !== 'arm64' || /\s/.test(header)) return {};
  return { CFLAGS: `${process.env.CFLAGS ?? ''} -include ${header}`.trim() };
}

/** npm keeps what it has fetched in the home directory; where nothing can be written there, elsewhere for this once. */
function withRoomForNpm(work) {
  const home = owner()?.home ?? ownHome();
  if (process.env.npm_config_cache || isWritable(join(home, '.npm'))) return work({});
  const elsewhere = mkdtempSync(join(tmpdir(), 'xiaozhi-npm-'));
  try {
    if (owner()) chownSync(elsewhere, owner().uid, owner().gid);
    return work({ npm_config_cache: elsewhere, npm_config_devdir: join(elsewhere, 'node-gyp') });
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
}

/** A user without an entry in /etc/passwd, as in a container, has none. */
function ownHome() {
  try {
    return homedir();
  } catch {
    return '/nonexistent';
  }
}

function isWritable(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    return error.code === 'ENOENT' && dirname(path) !== path && isWritable(dirname(path));
  }
}

let knownOwner;
/** Under `sudo`: whose checkout this is, because files of root in it would be in that person's way at the next start. */
function owner() {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(root);
  if (uid === 0) return undefined;
  knownOwner ??= { uid, gid, home: homeOf(uid) };
  return knownOwner;
}

function homeOf(uid) {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((entry) => entry.split(':'))
    .find(([, , id]) => id === String(uid));
  return line?.[5] ?? tmpdir();
}

/** Standard output of the child goes to our standard error. */
function spawn(command, args, environment) {
  const user = owner();
  return spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...(user && { HOME: user.home }), ...environment },
    ...(user && { uid: user.uid, gid: user.gid }),
  });
}

function run(command, args, environment, otherwise) {
  const { status, signal, error } = spawn(command, args, environment);
  if (status === 0) return;
  const why = error ? `: ${error.message}` : signal ? ` (${signal})` : '';
  throw new NotReady(
    `${command} ${args[0]} failed${why}. ${remedy() ?? otherwise}, then run the command again.`,
  );
}

/** What is known to be in the way; undefined when nothing is. */
function remedy() {
  const user = owner()?.uid ?? process.getuid?.();
  if (freeBytes(root) < ROOM_BYTES.install) return littleRoom();
  if (freeBytes(tmpdir()) < 10e6) return `There is no room left in ${tmpdir()}: free some`;
  const foreign = [root, modules, join(root, 'dist')].find(
    (path) => existsSync(path) && user !== 0 && statSync(path).uid !== user,
  );
  if (foreign) return `${foreign} belongs to somebody else: sudo chown -R "$(id -u):$(id -g)" ${root}`;
  if (!isWritable(root)) return `${root} cannot be written: copy it to where you can write`;
  return undefined;
}

const littleRoom = () => `There is little room left on the disk of ${root}: free ${ROOM_BYTES.ci / 1e6} MB`;

function freeBytes(path) {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
