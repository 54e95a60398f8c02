// `npm test [-- FILES]`: the linter and the types beside the tests, which wait for real time more than they compute.
import { spawn } from 'node:child_process';
import { root } from './bundle-options.mjs';

/** Resolves with the exit code. What it says is shown in one piece where it does not have the terminal. */
function run(file, args, stdio) {
  const child = spawn(process.execPath, [`${root}node_modules/${file}`, ...args], { cwd: root, stdio });
  let said = '';
  for (const pipe of [child.stdout, child.stderr])
    pipe?.on('data', (text) => {
      said += text;
    });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      process.stdout.write(said);
      resolve(code ?? 1);
    });
  });
}

const inPieces = ['ignore', 'pipe', 'pipe'];
const codes = await Promise.all([
  run('@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.'], inPieces),
  run('typescript/bin/tsc', ['-p', '.'], inPieces),
  run('vitest/vitest.mjs', ['run', '--config', 'test/vitest.config.ts', ...process.argv.slice(2)], 'inherit'),
]);
const [lint, types] = codes;
if (lint !== 0) console.error('The linter found faults; they stand above.');
if (types !== 0) console.error('The types do not fit; what is wrong stands above.');
process.exitCode = codes.find((code) => code !== 0) ?? 0;
