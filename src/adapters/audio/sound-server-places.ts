import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** Where a sound server should listen. `socket`: its file, absent where it is reached over the network. */
export interface ServerPlace {
  readonly socket?: string;
  /** What names the place, for people: `PULSE_SERVER`, `/etc/pulse/client.conf`; absent where it is the usual one. */
  readonly namedBy?: string;
}

/** Directories of the system; tests have their own. */
export interface SystemPlaces {
  /** Put before `/etc`, `/run` and `/var/run`. */
  readonly root?: string | undefined;
  readonly uid?: number | undefined;
}

/**
 * Where PulseAudio's library would look for a server, in its order: `PULSE_SERVER`, `default-server` of `client.conf`, the
 * runtime directory, the server of the whole system. A named place counts although nothing is there yet; of the others, the
 * first whose socket exists.
 */
export function findPulsePlace(env: Env, system: SystemPlaces = {}): ServerPlace | undefined {
  if (env.PULSE_SERVER) return { ...placeOf(env.PULSE_SERVER), namedBy: 'PULSE_SERVER' };
  const configured = readClientConfiguration(env, system);
  if (configured) return configured;
  const socket = usualSockets(env, system).find((path) => existsSync(path));
  return socket === undefined ? undefined : { socket };
}

/** Where PipeWire's library would look for its server. */
export function findPipeWirePlace(env: Env, system: SystemPlaces = {}): ServerPlace | undefined {
  const name = env.PIPEWIRE_REMOTE ?? 'pipewire-0';
  const directories = [
    env.PIPEWIRE_RUNTIME_DIR,
    ...runtimeDirectories(env, system),
    rooted(system, '/run/pipewire'),
  ];
  const socket = directories
    .flatMap((directory) => (directory === undefined ? [] : join(directory, name)))
    .find((path) => existsSync(path));
  return socket === undefined ? undefined : { socket };
}

/** All places looked at in vain, for the person. */
export function describePlaces(env: Env, system: SystemPlaces = {}): string {
  return usualSockets(env, system).join(', ');
}

/** A sound server that runs and is somebody else's. */
export interface ForeignServer {
  /** By name where it is known, else by number. */
  readonly user: string;
  readonly runtimeDirectory: string;
}

/** The sound server of another user, as where somebody starts a program with sudo: whoever called it first, then any. */
export function findForeignServer(env: Env, system: SystemPlaces = {}): ForeignServer | undefined {
  const own = String(system.uid ?? process.getuid?.() ?? 0);
  const caller = env.SUDO_UID ?? env.PKEXEC_UID;
  const parent = rooted(system, '/run/user');
  const others = entriesOf(parent).filter((uid) => /^\d+$/.test(uid) && uid !== own);
  const uid = [...others.filter((one) => one === caller), ...others.sort()].find((one) =>
    ['pulse/native', 'pipewire-0'].some((socket) => existsSync(join(parent, one, socket))),
  );
  if (uid === undefined) return undefined;
  const name = new RegExp(`^([^:\\n]+):[^:\\n]*:${uid}:`, 'm').exec(
    textOf(rooted(system, '/etc/passwd')),
  )?.[1];
  return { user: name ?? `user ${uid}`, runtimeDirectory: `/run/user/${uid}` };
}

/**
 * The environment with the runtime directory of this user where nobody has set it: a service of the system, ssh and sudo
 * leave it out, and without it no library finds the server that runs.
 */
export function withRuntimeDirectory<Given extends Env>(env: Given, system: SystemPlaces = {}): Given {
  if (env.XDG_RUNTIME_DIR) return env;
  const directory = ownRuntimeDirectory(system);
  return existsSync(directory) ? { ...env, XDG_RUNTIME_DIR: directory } : env;
}

/** Whether somebody listens there; a socket file outlives its server. Never rejects. */
export function answers({ socket }: ServerPlace): Promise<boolean> {
  // Over the network only a recorder can tell.
  if (socket === undefined) return Promise.resolve(true);
  return new Promise((resolve) => {
    const connection = connect(socket);
    const end = (is: boolean) => {
      connection.destroy();
      resolve(is);
    };
    connection.setTimeout(answerTimeoutMs, () => end(false));
    connection.once('connect', () => end(true));
    connection.once('error', () => end(false));
  });
}

const answerTimeoutMs = 2000;

const rooted = ({ root = '' }: SystemPlaces, path: string): string => `${root}${path}`;

function ownRuntimeDirectory(system: SystemPlaces): string {
  return rooted(system, `/run/user/${system.uid ?? process.getuid?.() ?? 0}`);
}

function runtimeDirectories(env: Env, system: SystemPlaces): string[] {
  return [...(env.XDG_RUNTIME_DIR ? [env.XDG_RUNTIME_DIR] : [ownRuntimeDirectory(system)])];
}

function usualSockets(env: Env, system: SystemPlaces): string[] {
  const own = env.PULSE_RUNTIME_PATH
    ? [join(env.PULSE_RUNTIME_PATH, 'native')]
    : runtimeDirectories(env, system).map((directory) => join(directory, 'pulse/native'));
  return [
    ...own,
    ...linkedRuntime(env, system),
    rooted(system, '/run/pulse/native'),
    rooted(system, '/var/run/pulse/native'),
  ];
}

/** Without a runtime directory the library keeps one in `/tmp`, behind a link in the home directory. */
function linkedRuntime(env: Env, system: SystemPlaces): string[] {
  if (env.XDG_RUNTIME_DIR || env.PULSE_RUNTIME_PATH) return [];
  const machine = textOf(rooted(system, '/etc/machine-id')).trim();
  const home = homeOf(env);
  if (machine === '' || home === undefined) return [];
  return [join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'pulse', `${machine}-runtime`, 'native')];
}

/** `default-server` of the first file that is there, and of what lies in the directory beside it. */
function readClientConfiguration(env: Env, system: SystemPlaces): ServerPlace | undefined {
  const home = homeOf(env);
  const own =
    home === undefined
      ? []
      : [join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'pulse'), join(home, '.pulse')];
  const files = env.PULSE_CLIENTCONFIG
    ? [env.PULSE_CLIENTCONFIG]
    : [...own, rooted(system, '/etc/pulse')].map((directory) => join(directory, 'client.conf'));
  const file = files.find((path) => existsSync(path) || existsSync(`${path}.d`));
  if (file === undefined) return undefined;
  const found = [file, ...filesIn(`${file}.d`)].flatMap((path) => {
    const server = /^\s*default-server\s*=\s*(\S.*?)\s*$/m.exec(textOf(path))?.[1];
    return server === undefined ? [] : [{ ...placeOf(server), namedBy: path }];
  });
  return found.at(-1);
}

/** The first server of a list such as `{machine}unix:/path tcp:host`. */
function placeOf(servers: string): ServerPlace {
  const [first = ''] = servers.trim().split(/\s+/);
  const path = /^(?:\{[^}]*\})?(?:unix:)?(\/.*)$/.exec(first)?.[1];
  return path === undefined ? {} : { socket: path };
}

function filesIn(directory: string): string[] {
  return entriesOf(directory)
    .filter((name) => name.endsWith('.conf'))
    .sort()
    .map((name) => join(directory, name));
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function homeOf(env: Env): string | undefined {
  if (env.HOME) return env.HOME;
  try {
    return userInfo().homedir;
  } catch {
    return undefined;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
