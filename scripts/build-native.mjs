// Builds native/, the optional add-on: echo cancelling, and an Opus decoder that hides lost packets. Everything works
// without it; what is better with it stands in native/README.md. Arguments are handed to node-gyp.
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findLibraries } from '../native/libraries.mjs';

const native = fileURLToPath(new URL('../native', import.meta.url));

function fail(message) {
  console.error(message);
  process.exit(1);
}

function findProgram(name) {
  const directories = (process.env.PATH ?? '').split(delimiter);
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
}

/** npm brings node-gyp along and names it to its scripts; distributions install it by itself. */
function findNodeGyp() {
  const npm = findProgram('npm');
  const candidates = [
    process.env.npm_config_node_gyp,
    npm && join(dirname(realpathSync(npm)), '../node_modules/node-gyp/bin/node-gyp.js'),
    findProgram('node-gyp'),
  ];
  return candidates.find((path) => path && existsSync(path));
}

/** Headers beside this Node save a download. */
function nodeDirectory() {
  const prefix = join(dirname(realpathSync(process.execPath)), '..');
  return existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

const { pkgConfig, webrtc, speex, opus } = findLibraries();
const advice = [
  pkgConfig
    ? undefined
    : 'pkg-config is missing, and without it no library is found (Debian: apt install pkg-config)',
  webrtc
    ? undefined
    : `${speex ? 'Echo cancelling is better with' : 'There will be no echo canceller without'} WebRTC audio processing (Debian: apt install libwebrtc-audio-processing-dev)`,
  speex || !webrtc
    ? undefined
    : 'Interrupting by voice works better with speexdsp as well (Debian: apt install libspeexdsp-dev)',
  opus
    ? undefined
    : 'There will be no Opus decoder that hides lost packets (Debian: apt install libopus-dev)',
].filter((line) => line !== undefined);
for (const line of advice) console.error(`${line}.`);
const libraries = [webrtc, speex, opus].filter((library) => library !== undefined);
if (libraries.length === 0) fail('Nothing to build. The device works without the add-on.');
const compiler = process.env.CXX ?? 'g++';
if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status !== 0)
  fail(`The compiler ${compiler} is missing (Debian: apt install build-essential python3).`);
const nodeGyp = findNodeGyp();
if (!nodeGyp) fail('node-gyp was not found. It comes with npm (Debian: apt install npm or node-gyp).');

const { status } = spawnSync(
  process.execPath,
  [nodeGyp, 'rebuild', '-C', native, '--loglevel', 'warn', ...nodeDirectory(), ...process.argv.slice(2)],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
if (status !== 0)
  fail('The add-on could not be built; the device works without it. The lines above say what is wrong.');
console.error(`Built native/build/Release/xiaozhi_native.node with ${libraries.join(', ')}.`);
