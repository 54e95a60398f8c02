import { fork } from 'node:child_process';
import { once } from 'node:events';
import { build } from 'esbuild';
import { bundleOptions, root } from '../../bundle-options.mjs';
import { measure, startServer } from '../child-processes.mjs';
import { practice } from '../practice-plan.mjs';
import { median, percentile } from '../statistics.mjs';
import { converse } from './conversation.mjs';

const built = `${root}bench-results/build`;
const speech = `${root}config/demo-speech.wav`;
/** The middle row of the table. */
const impair = 'loss=10%,jitter=40ms,reorder=5%,dup=2%,seed=1';

/** The far ends and the processes that are measured, each with the sources it needs inside. */
export async function buildNetworkFigures() {
  const folder = 'scripts/bench/network';
  await build({
    ...bundleOptions,
    entryPoints: {
      server: 'scripts/bench/server.mjs',
      'network-server': `${folder}/server.mjs`,
      'network-cost': `${folder}/cost.mjs`,
      'network-flood': `${folder}/flood.mjs`,
    },
    outdir: built,
  });
}

async function startNetworkServer(framesAhead, speed = 1) {
  const child = fork(`${built}/network-server.js`, {
    env: {
      ...process.env,
      BENCH_SPEECH: speech,
      BENCH_FRAMES_AHEAD: `${framesAhead}`,
      BENCH_SPEED: `${speed}`,
    },
  });
  const [{ mqttUrl }] = await once(child, 'message');
  return { child, mqttUrl, stop: () => child.disconnect() };
}

/** The next message of a process; rejects when it ends without one. */
async function messageOf(child) {
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`A figure ended with code ${code} and no result`);
  });
  gone.catch(() => {});
  const [message] = await Promise.race([once(child, 'message'), gone]);
  return message;
}

const bounded = (figure, measured, unit, bound, note) => ({
  figure,
  measured,
  unit,
  bound,
  ok: measured <= bound,
  note,
});

async function cost({ quick, directory }) {
  const servers = [await startNetworkServer(6), await startServer({ speech, framesAhead: 6 })];
  const practiceServers = [
    await startNetworkServer(6, practice.speed),
    await startServer({ speech, framesAhead: 6, speed: practice.speed }),
  ];
  const { cipher, mqtt, websocket } = await measure('network-cost', {
    rounds: quick ? 3 : 5,
    sliceMs: quick ? 6_000 : 12_000,
    speech,
    directory,
    urls: { mqtt: servers[0].mqttUrl, websocket: servers[1].websocketUrl },
    practiceUrls: practiceServers.map(({ mqttUrl, websocketUrl }) => mqttUrl ?? websocketUrl),
  });
  for (const server of [...servers, ...practiceServers]) server.stop();
  const ours = median(cipher.map((round) => round.ours));
  const bare = median(cipher.map((round) => round.bare));
  const perMinute = (values) => `${Math.round(median(values))} ms CPU a minute`;
  return [
    bounded(
      'seal and open a packet, against the bare cipher calls',
      median(cipher.map((round) => round.ours / round.bare)),
      '×',
      3,
      `${Math.round(ours)} ns, bare ${Math.round(bare)} ns`,
    ),
    bounded(
      'full-duplex conversation over MQTT + UDP, CPU against WebSocket',
      median(mqtt.map((value, i) => value / websocket[i])),
      '×',
      1.15,
      `${perMinute(mqtt)}, WebSocket ${perMinute(websocket)}`,
    ),
  ];
}

async function flood({ quick, directory }) {
  const floodMs = quick ? 2_000 : 5_000;
  const server = await startNetworkServer(6);
  const device = fork(`${built}/network-flood.js`, {
    env: { ...process.env, BENCH_SETUP: JSON.stringify({ speech, directory, floodMs, url: server.mqttUrl }) },
  });
  await messageOf(device);
  server.child.send({ perSecond: 50_000, durationMs: floodMs });
  const { datagrams, audio, ms } = await messageOf(server.child);
  device.send('over');
  const measured = await messageOf(device);
  server.stop();
  const { calm, afterwards } = measured;
  const { played, concealed, late, underruns, cpuMs } = measured.flooded;
  const rate = `${Math.round((datagrams / ms) * 1000)} datagrams a second`;
  return [
    bounded(
      'frames not heard under a flood of garbage',
      concealed + late,
      '',
      1,
      `${played} played of ${audio}; ${rate}`,
    ),
    bounded('  gaps', underruns, '', 0),
    bounded(
      '  CPU afterwards, against before',
      afterwards.cpuMs / calm.cpuMs,
      '×',
      1.25,
      `under the flood ${Math.round(cpuMs)} ms a minute`,
    ),
  ];
}

async function conversation({ directory }) {
  const perfect = await converse({ home: `${directory}/perfect` });
  const bad = await converse({ home: `${directory}/bad`, impair });
  const share = (frames) => (100 * frames) / perfect.played;
  const tails = (values) => `${Math.round(median(values))} / ${Math.round(percentile(values, 1))} ms`;
  return [
    bounded(
      `turns not finished of ${bad.turns} over ${impair}`,
      bad.turns - bad.finished,
      '',
      0,
      `exit code ${bad.code}`,
    ),
    bounded('  late', share(bad.late), '%', 0.5),
    bounded(
      '  concealed and lost',
      share(perfect.played - bad.played),
      '%',
      10.5 + 2,
      `${bad.played} frames played of ${perfect.played}, ${bad.concealed} concealed`,
    ),
    {
      figure: '  heard after the server had said that it was over, p50 / longest',
      measured: percentile(bad.tailsMs, 1),
      unit: 'ms',
      note: `${tails(bad.tailsMs)}, perfect network ${tails(perfect.tailsMs)}`,
    },
  ];
}

/** Every figure by the name that `--only` takes, beside `table`. */
export const networkFigures = { cost, flood, conversation };
