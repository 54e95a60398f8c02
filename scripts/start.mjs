// `npm start`: one process for looking after packages and for the device. It is no `prestart`, because people who switch
// npm's scripts off (ignore-scripts) would be without it.
import { fileURLToPath } from 'node:url';
import { ensureReady } from './readiness.mjs';

ensureReady();
const program = new URL('../dist/main.js', import.meta.url);
// The device tells its server which program it is.
process.argv[1] = fileURLToPath(program);
await import(program.href);
