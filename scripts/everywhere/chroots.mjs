// Chroots as layers: Debian's base, what is installed on it, and for each cell a layer of its own that is thrown away.
// Everything that is fetched stays in the work folder, so a second run fetches nothing.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kits } from './matrix.mjs';

const MIRROR = 'http://deb.debian.org/debian';
/** The person who runs everything inside. */
export const TESTER = 1000;

export class Chroots {
  /** @param folder where chroots and what was fetched are kept */
  constructor(folder) {
    this.folder = folder;
    for (const name of ['base', 'kits', 'deb', 'apt', 'node', 'npm', 'mnt', 'work', 'cells'])
      mkdirSync(join(folder, name), { recursive: true });
  }

  /** A root directory for one cell with Node and npm in it, and a home for the tester. */
  open({ name, machine, node, kit }) {
    const layers = this.#layers(machine, kit);
    const root = this.#mount(`cell-${name}`, layers, true);
    this.#addNode(root, machine, node);
    const home = join(root, 'home/tester');
    mkdirSync(home, { recursive: true });
    const users = join(root, 'etc/passwd');
    if (!run('grep', ['-q', '^tester:', users], true))
      execFileSync('sh', ['-c', `echo 'tester:x:${TESTER}:${TESTER}::/home/tester:/bin/sh' >> '${users}'`]);
    mkdirSync(join(root, 'var/cache/npm'), { recursive: true });
    run('mount', ['--bind', join(this.folder, 'npm'), join(root, 'var/cache/npm')]);
    for (const path of [home, join(this.folder, 'npm')])
      execFileSync('chown', ['-R', `${TESTER}:${TESTER}`, path]);
    return root;
  }

  close({ name }) {
    this.#unmount(`cell-${name}`);
    rmSync(join(this.folder, 'cells', `cell-${name}`), { recursive: true, force: true });
  }

  /** Directories, the uppermost first. Makes those that are missing. */
  #layers(machine, kit) {
    const { suite, arch } = machine;
    const base = join(this.folder, 'base', `${suite}-${arch}`);
    if (!existsSync(`${base}.done`)) {
      rmSync(base, { recursive: true, force: true });
      const include = '--include=ca-certificates,libatomic1';
      const options = [
        `--arch=${arch}`,
        '--variant=minbase',
        include,
        `--cache-dir=${join(this.folder, 'deb')}`,
      ];
      run('debootstrap', [...options, suite, base, MIRROR]);
      writeFileSync(`${base}.done`, '');
    }
    const below = [base];
    for (const one of [...kits[kit].on, kit]) {
      if (kits[one].packages.length > 0) below.unshift(this.#kit(machine, one, below));
    }
    return below;
  }

  #kit({ suite, arch }, kit, below) {
    const name = `${suite}-${arch}-${kit}`;
    const layer = join(this.folder, 'kits', name);
    if (existsSync(`${layer}.done`)) return layer;
    const root = this.#mount(name, below, false);
    const archives = join(root, 'var/cache/apt/archives');
    mkdirSync(archives, { recursive: true });
    run('mount', ['--bind', join(this.folder, 'apt'), archives]);
    writeFileSync(join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    const install = `apt-get update -qq && apt-get install -y -qq -o Dpkg::Options::=--force-unsafe-io --no-install-recommends ${kits[kit].packages.join(' ')} >/dev/null`;
    try {
      run('chroot', [root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'sh', '-c', install]);
    } finally {
      this.#unmount(name);
    }
    writeFileSync(`${layer}.done`, '');
    return layer;
  }

  #mount(name, below, isCell) {
    this.#unmount(name);
    const upper = join(this.folder, isCell ? 'cells' : 'kits', name);
    const [work, root] = [join(this.folder, 'work', name), join(this.folder, 'mnt', name)];
    for (const path of [upper, work]) rmSync(path, { recursive: true, force: true });
    for (const path of [upper, work, root]) mkdirSync(path, { recursive: true });
    const layers = `lowerdir=${below.join(':')},upperdir=${upper},workdir=${work}`;
    run('mount', ['-t', 'overlay', 'overlay', '-o', layers, root]);
    run('mount', ['-t', 'proc', 'proc', join(root, 'proc')]);
    for (const device of ['null', 'zero', 'full', 'random', 'urandom', 'tty']) {
      const path = join(root, 'dev', device);
      if (!existsSync(path)) writeFileSync(path, '');
      run('mount', ['--bind', `/dev/${device}`, path]);
    }
    for (const folder of ['dev/shm', 'dev/pts']) mkdirSync(join(root, folder), { recursive: true });
    run('mount', ['-t', 'devpts', '-o', 'newinstance,ptmxmode=0666', 'devpts', join(root, 'dev/pts')]);
    run('ln', ['-sfn', 'pts/ptmx', join(root, 'dev/ptmx')]);
    run('mount', ['-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', join(root, 'dev/shm')]);
    // The way to the net, and whom to believe there, are this machine's.
    copyFileSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
    writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
    const authorities = 'etc/ssl/certs/ca-certificates.crt';
    if (existsSync(`/${authorities}`)) copyFileSync(`/${authorities}`, join(root, authorities));
    return root;
  }

  /** What an interrupted run has left mounted, too; the innermost first. */
  #unmount(name) {
    const root = join(this.folder, 'mnt', name);
    const mounted = execFileSync('cat', ['/proc/mounts'], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((path) => path === root || path.startsWith(`${root}/`));
    for (const path of mounted.reverse()) run('umount', ['-l', path], true);
  }

  /** Node's own builds, headers included, as the npm registry has them. */
  #addNode(root, machine, node) {
    const nodeArchive = this.#fetched(`node-linux-${machine.node}`, node.major);
    const npmArchive = this.#fetched('npm', node.npm);
    const npm = join(root, 'usr/local/lib/node_modules/npm');
    mkdirSync(npm, { recursive: true });
    const unpack = (archive, to) => run('tar', ['-xzf', archive, '-C', to, '--strip-components=1']);
    unpack(nodeArchive, join(root, 'usr/local'));
    unpack(npmArchive, npm);
    for (const name of ['npm', 'npx'])
      run('ln', ['-sf', `../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/local/bin', name)]);
  }

  /** The newest of a major version; what is there already is new enough. */
  #fetched(packageName, major) {
    const folder = join(this.folder, 'node');
    const isIt = (file) => file.startsWith(`${packageName}-${major}.`);
    const find = () => readdirSync(folder).find(isIt);
    if (!find()) execFileSync('npm', ['pack', '--silent', `${packageName}@${major}`], { cwd: folder });
    return join(folder, find());
  }
}

function run(command, args, mayFail = false) {
  const { status, error } = spawnSync(command, args, {
    stdio: ['ignore', mayFail ? 'ignore' : 2, mayFail ? 'ignore' : 2],
  });
  if (status !== 0 && !mayFail)
    throw new Error(
      `${command} ${args.slice(0, 4).join(' ')} failed${error ? `: ${error.message}` : ` (${status})`}`,
    );
  return status === 0;
}
