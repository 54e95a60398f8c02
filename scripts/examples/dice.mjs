// A tool that is a program: arguments come as JSON on standard input, the result goes to standard output.
// What goes to standard error is logged; an exit code other than 0 is a failure, told with the last line of it.
import { randomInt } from 'node:crypto';
import { json } from 'node:stream/consumers';

const { sides = 6, count = 1 } = await json(process.stdin);
if (sides < 2) {
  console.error(`a die with ${sides} sides cannot be thrown`);
  process.exit(1);
}
console.log(JSON.stringify({ thrown: Array.from({ length: count }, () => randomInt(1, sides + 1)) }));
