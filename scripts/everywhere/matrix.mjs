// What is tried: machines, versions of Node, and what is installed on them.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const machines = [
  { name: 'Debian 12 amd64', suite: 'bookworm', arch: 'amd64', node: 'x64' },
  { name: 'Debian 13 amd64', suite: 'trixie', arch: 'amd64', node: 'x64' },
  { name: 'Debian 12 arm64', suite: 'bookworm', arch: 'arm64', node: 'arm64' },
  { name: 'Debian 13 arm64', suite: 'trixie', arch: 'arm64', node: 'arm64' },
];

/** Major version of Node, and of the npm that comes with it. */
export const nodes = [
  { major: 20, npm: 10 },
  { major: 22, npm: 10 },
  { major: 24, npm: 11 },
];

const compiler = ['build-essential', 'python3'];
const headers = ['libasound2-dev', 'libpulse-dev'];
/** Debian packages, each kit on top of those it names. */
export const kits = {
  bare: { title: 'nothing', on: [], packages: [] },
  compiler: { title: 'compiler', on: [], packages: compiler },
  headers: { title: 'compiler, sound headers', on: ['compiler'], packages: headers },
  ci: {
    title: 'scripts/setup --ci',
    on: ['compiler', 'headers'],
    packages: execFileSync('bash', [fileURLToPath(new URL('../setup', import.meta.url)), '--list', '--ci'], {
      encoding: 'utf8',
    })
      .trim()
      .split(' '),
  },
};

/** Where all tests run, with Node 20. */
const TESTED = ['bookworm-amd64', 'trixie-amd64', 'trixie-arm64'];

/** All cells, those that run the tests first. */
export function cells() {
  const starts = machines.flatMap((machine) =>
    nodes.flatMap((node) => ['bare', 'compiler', 'headers'].map((kit) => cell(machine, node, kit, false))),
  );
  const tests = machines
    .filter(({ suite, arch }) => TESTED.includes(`${suite}-${arch}`))
    .map((machine) => cell(machine, nodes[0], 'ci', true));
  return [...tests, ...starts];
}

function cell(machine, node, kit, runsTests) {
  return { name: `${machine.suite}-${machine.arch}-node${node.major}-${kit}`, machine, node, kit, runsTests };
}
