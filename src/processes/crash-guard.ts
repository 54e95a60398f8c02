import { type ChildProcess, spawn } from 'node:child_process';
import { runMarkVariable, signalProcess } from './process-tree.ts';

/** What forks faster than it is looked for is caught in the next round. */
const maxKillRounds = 40;

/**
 * Keeps a list of runs from its standard input (`=mark` about to begin, `+123:mark`, `-123`); when that ends, because the
 * device was killed with -9, it ends the runs that are still listed: their process groups, and where there is a /proc,
 * whatever carries their mark in another group or session. Plain POSIX shell, one small process for all tools.
 */
const script = `
live=' '
next=
while read -r line; do
  run=\${line#?}
  case $line in
    =*) next=$run ;;
    +*) live="$live$run " next= ;;
    -*) case $live in *" $run:"*) rest="\${live#*" $run:"}"; live="\${live%%" $run:"*} \${rest#* }" ;; esac ;;
  esac
done
[ "$live$next" = ' ' ] && exit
for run in $live; do set -- "$@" -e "${runMarkVariable}=\${run#*:}"; done
[ "$next" ] && set -- "$@" -e "${runMarkVariable}=$next"
hidden() {
  for file in $(grep -l -F "$@" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    echo "\${pid%/environ}"
  done
}
for pid in $(hidden "$@"); do kill -s TERM -- "$pid"; done
for run in $live; do kill -s TERM -- "-\${run%%:*}"; done
sleep 2
for run in $live; do kill -s KILL -- "-\${run%%:*}"; done
round=0
while left=$(hidden "$@") && [ -n "$left" ] && [ $round -lt ${maxKillRounds} ]; do
  for pid in $left; do kill -s KILL -- "$pid"; done
  round=$((round + 1))
done
`;

let guard: ChildProcess | undefined;
/** Marks by process group. */
const runs = new Map<number, string>();
let exitHooked = false;

/**
 * From now on this run ends when the device does, however the device ends: its process group, and what carries its mark
 * (`runMarkVariable`).
 */
export function guardRun(group: number, mark: string): void {
  runs.set(group, mark);
  if (!exitHooked) {
    exitHooked = true;
    // The last resort for an exit that waits for nobody, such as a second Ctrl-C.
    process.on('exit', () => {
      for (const pid of runs.keys()) signalProcess(-pid, 'SIGKILL');
    });
  }
  if (guard) unsaid += `+${group}:${mark}\n`;
  else readyGuard();
  // At once: the device may be killed before its next turn, and by then the group may be at work.
  sayAll();
}

/**
 * To be called right before a run begins, in the same turn as `guardRun`: the device may be killed between the two, when the
 * run is at work already.
 */
export function expectRun(mark: string): void {
  readyGuard();
  unsaid += `=${mark}\n`;
  sayAll();
}

function readyGuard(): void {
  if (guard) return;
  guard = startGuard();
  unsaid = [...runs].map(([pid, theirs]) => `+${pid}:${theirs}\n`).join('');
}

/** The run is over. The guard itself stays until the device ends. */
export function releaseRun(group: number): void {
  if (runs.delete(group) && guard) tellLater(`-${group}`);
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
