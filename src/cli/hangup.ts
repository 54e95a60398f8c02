import { closeSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

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

/**
 * Lets go of terminals that were closed under us. Node gives them back their modes at its end and aborts when it cannot.
 */
export function leaveLostTerminals(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.on('exit', () => {
    for (const fd of terminals) if (!isatty(fd)) closeSync(fd);
  });
}
