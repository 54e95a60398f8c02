import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { root } from '../../bundle-options.mjs';

const turns = 20;

/** 20 text turns of the program as a user starts it, over MQTT + UDP through `impair`. */
export async function converse({ impair, home }) {
  const args = [
    '--transport',
    'mqtt',
    '--mic',
    'null',
    '--speaker',
    'null',
    '--events',
    '-',
    '--timeout',
    '300',
  ];
  const says = Array.from({ length: turns }, (_, i) => ['--say', `turn number ${i + 1}`]).flat();
  const child = spawn(
    process.execPath,
    [`${root}dist/main.js`, ...args, '--turns', `${turns}`, ...says, ...(impair ? ['--impair', impair] : [])],
    {
      env: { PATH: process.env.PATH, HOME: home, XDG_STATE_HOME: `${home}/state` },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  let text = '';
  child.stdout.on('data', (bytes) => {
    text += bytes;
  });
  const [code] = await once(child, 'close');
  const events = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return {
    code,
    turns,
    finished: events.filter(({ type, phase }) => type === 'turn' && phase === 'finished').length,
    tailsMs: tailsMs(events),
    ...events.findLast(({ type }) => type === 'audio').downlink,
  };
}

/** For each answer, how long it was still heard after the server had said that it was over. */
function tailsMs(events) {
  let stoppedMs;
  const tails = [];
  for (const { t, type, state, phase } of events) {
    if (type === 'tts' && state === 'stop') stoppedMs = t;
    if (type === 'playback' && phase === 'drained') tails.push(Math.max(0, t - (stoppedMs ?? t)));
  }
  return tails;
}
