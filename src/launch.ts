#!/usr/bin/env node
/**
 * What `dist/main.js` is: starts the program beside it with what V8 has made of it before, because compiling it takes longer
 * than all it does until it says hello. V8 itself takes any data of the right length, so what is kept carries a checksum over
 * itself and over what it belongs to: a card that lost its power in the middle of writing costs a slower start, and no more.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const folder = dirname(fileURLToPath(import.meta.url));
const file = join(folder, 'program.js');
const checksumBytes = 20;
/** Whoever only asked for help has not run what matters at a start. */
const leastSeconds = 2;

/** The wrapper of CommonJS modules (`module.wrapper` of node:module), and `import()`, which the program cannot do itself. */
const [head, tail] = [
  '(function (exports, require, module, __filename, __dirname, importForProgram) { ',
  '\n});',
];
type Wrapped = (
  exports: object,
  require: NodeJS.Require,
  module: object,
  file: string,
  folder: string,
  importForProgram: (url: string) => Promise<unknown>,
) => void;

const { source, identity } = readProgram();
const keptAt = join(folder, `program-${process.versions.v8}-${process.arch}.cache`);
const cachedData = readKept();
const script = new Script(source, { filename: file, cachedData });
const isAsGoodAsNew = cachedData !== undefined && script.cachedDataRejected !== true;
if (!isAsGoodAsNew) process.on('exit', keep);
const program = { exports: {} };
const importModule = (url: string) => import(url);
(script.runInThisContext() as Wrapped)(
  program.exports,
  createRequire(file),
  program,
  file,
  folder,
  importModule,
);

/** The wrapped text, which is ASCII, and what tells this program from every other that may have stood here. */
function readProgram(): { source: string; identity: string } {
  const descriptor = openSync(file, 'r');
  try {
    const { size, mtimeMs, ino } = fstatSync(descriptor);
    const bytes = Buffer.allocUnsafeSlow(head.length + size + tail.length);
    bytes.write(head, 'latin1');
    readSync(descriptor, bytes, head.length, size, 0);
    bytes.write(tail, head.length + size, 'latin1');
    const identity = [size, mtimeMs, ino, process.versions.v8, process.arch].join();
    return { source: bytes.toString('latin1'), identity };
  } finally {
    closeSync(descriptor);
  }
}

function readKept(): Buffer | undefined {
  try {
    const bytes = readFileSync(keptAt);
    const data = bytes.subarray(checksumBytes);
    return bytes.subarray(0, checksumBytes).equals(checksumOf(data)) ? data : undefined;
  } catch {
    return undefined;
  }
}

/** When the program ends, because it holds everything up. Nothing is lost where it cannot be written. */
function keep(): void {
  const isDebugged = process.execArgv.length > 0;
  if (isDebugged || process.uptime() < leastSeconds) return;
  const next = `${keptAt}.${process.pid}`;
  try {
    // Under sudo nothing of root is left in a person's folder.
    if (statSync(folder).uid !== process.getuid?.()) return;
    const data = script.createCachedData();
    const descriptor = openSync(next, 'wx');
    try {
      writeSync(descriptor, checksumOf(data));
      writeSync(descriptor, data);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(next, keptAt);
  } catch {
    rmSync(next, { force: true });
  }
}

function checksumOf(data: Buffer): Buffer {
  return createHash('sha1').update(identity).update(data).digest();
}
