// What a program and all it has started take, as the kernel counts it.
import { readdirSync, readFileSync } from 'node:fs';

const nsPerMs = 1e6;

/** The process and its descendants that are alive. */
export function treeOf(pid) {
  const found = [pid];
  for (const one of found) {
    for (const task of entries(`/proc/${one}/task`))
      found.push(...read(`/proc/${one}/task/${task}/children`).trim().split(' ').filter(Boolean).map(Number));
  }
  return found;
}

/** CPU time of all threads of these processes, in ms. */
export function cpuMsOf(pids) {
  const ns = pids.flatMap((pid) =>
    entries(`/proc/${pid}/task`).map((task) =>
      Number(read(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0]),
    ),
  );
  return ns.reduce((sum, each) => sum + each, 0) / nsPerMs;
}

/** Resident memory of these processes together, in MiB; what they share is counted in each. */
export function rssMibOf(pids) {
  const kib = pids.map((pid) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0));
  return kib.reduce((sum, each) => sum + each, 0) / 1024;
}

/** Nothing where the process has just ended. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function entries(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
