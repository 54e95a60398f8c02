import { readFileSync } from 'node:fs';

const ACCESS_MODE = 0o3;
const WRITE_ONLY = 0o1;

/**
 * Was this program begun by nohup, to go on when its terminal is closed? Node forgets that SIGHUP was ignored before any of
 * its programs can look; but nohup also puts a standard input that cannot be read in the place of the terminal.
 */
export function outlivesTerminal(): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/fdinfo/0', 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & ACCESS_MODE) === WRITE_ONLY;
  } catch {
    return false;
  }
}
