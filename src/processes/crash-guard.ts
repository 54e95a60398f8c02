import { type ChildProcess, spawn } from 'node:child_process';
import { signalProcess } from './process-tree.ts';

/**
 * Keeps a list of process groups from its standard input (`+123`, `-123`); when that ends, because the device was killed
 * with -9, it ends the groups that are still listed. Plain POSIX shell, one small process for all tools.
 */
const script = `
live=' '
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) live="$live$pid " ;;
    -*) case $live in *" $pid "*) live="\${live%%" $pid "*} \${live#*" $pid "}" ;; esac ;;
  esac
done
[ "$live" = ' ' ] && exit
for pid in $live; do kill -s TERM -- "-$pid"; done
sleep 2
for pid in $live; do kill -s KILL -- "-$pid"; done
`;

let guard: ChildProcess | undefined;
const groups = new Set<number>();
let exitHooked = false;

/** From now on this process group ends when the device does, however the device ends. */
export function guardGroup(group: number): void {
  groups.add(group);
  if (!exitHooked) {
    exitHooked = true;
    // The last resort for an exit that waits for nobody, such as a second Ctrl-C.
    process.on('exit', () => {
      for (const pid of groups) signalProcess(-pid, 'SIGKILL');
    });
  }
  if (guard) unsaid += `+${group}\n`;
  else {
    guard = startGuard();
    unsaid = [...groups].map((pid) => `+${pid}\n`).join('');
  }
  // At once: the device may be killed before its next turn, and by then the group may be at work.
  sayAll();
}

/** The run is over. The guard itself stays until the device ends. */
export function releaseGroup(group: number): void {
  groups.delete(group);
  if (guard) tellLater(`-${group}`);
}

/** What the guard has still to hear, in its order. */
let unsaid = '';

/** That a run is over is told later, so that short runs do not wait for it. */
function tellLater(line: string): void {
  if (unsaid === '') setImmediate(sayAll);
  unsaid += `${line}\n`;
}

function sayAll(): void {
  if (unsaid !== '' && guard?.stdin?.writable) guard.stdin.write(unsaid);
  unsaid = '';
}

function startGuard(): ChildProcess {
  const child = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
  });
  const forget = () => {
    if (guard === child) guard = undefined;
  };
  // Without a shell there is no guard; the tools work all the same.
  child.on('error', forget);
  child.on('exit', forget);
  child.stdin?.on('error', forget);
  child.unref();
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return child;
}
