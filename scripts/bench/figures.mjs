import { root } from '../bundle-options.mjs';
import { measure, startServer } from './child-processes.mjs';
import { measureControlRoundTrip } from './control-round-trip.mjs';
import { measureLinkRoundTrips } from './link-round-trip.mjs';
import { startMcpService } from './mcp-service.mjs';
import { measurePeakMemoryMb } from './memory.mjs';
import { measurePeerFloods } from './peer-floods.mjs';
import { practice } from './practice-plan.mjs';
import { measureReadiness } from './readiness.mjs';
import { measureRealDevices, startSoundCards } from './real-devices.mjs';
import { measureRecordingCpu } from './recording-cpu.mjs';
import { measureStartup, nodeAloneMs } from './startup.mjs';
import { mean, median, percentile } from './statistics.mjs';
import { measureToolLoad } from './tool-load.mjs';
import { measureToolRoundTrip } from './tool-round-trip.mjs';
import { startService } from './tool-service.mjs';

const speech = `${root}config/demo-speech.wav`;

const bounded = (figure, measured, unit, bound, note) => ({
  figure,
  measured,
  unit,
  bound,
  ok: measured <= bound,
  note,
});
const informative = (figure, measured, unit, note) => ({ figure, measured, unit, note });

const ratios = (values, references) => values.map((value, i) => value / references[i]);

async function conversationCpu({ quick, directory }) {
  const server = await startServer({ speech, framesAhead: 6 });
  const { conversation, bare, bareSocket, idle } = await measure('conversation-cpu', {
    rounds: quick ? 3 : 5,
    sliceMs: quick ? 6_000 : 12_000,
    speech,
    websocketUrl: server.websocketUrl,
    directory,
  });
  server.stop();
  const perMinute = (values) => `${Math.round(median(values))} ms CPU a minute`;
  return [
    bounded(
      'full-duplex conversation, CPU against the bare codec loop',
      median(ratios(conversation, bare)),
      '×',
      1.6,
      `${perMinute(conversation)}, bare ${perMinute(bare)}`,
    ),
    informative(
      '  against the same loop over a bare `ws` socket',
      median(ratios(conversation, bareSocket)),
      '×',
      perMinute(bareSocket),
    ),
    bounded(
      'idle and connected, CPU against the conversation',
      100 * median(ratios(idle, conversation)),
      '%',
      1,
      `${median(idle).toFixed(1)} ms CPU a minute`,
    ),
  ];
}

/** A stand-in is heard of in watts only: it may cost some more. */
async function codecs({ quick }) {
  const addon = `${root}native/build/Release/xiaozhi_native.node`;
  const cpuMs = await measure('codecs', { rounds: quick ? 5 : 11, speech, addon });
  const [first, ...standIns] = Object.keys(cpuMs);
  if (first !== '@discordjs/opus') throw new Error('@discordjs/opus is not installed: npm run packages');
  return standIns.map((name) =>
    bounded(
      `codec: ${name}, CPU of speech both ways against @discordjs/opus`,
      median(ratios(cpuMs[name], cpuMs[first])),
      '×',
      2.5,
      `${Math.round(median(cpuMs[name]))} and ${Math.round(median(cpuMs[first]))} ms CPU a minute`,
    ),
  );
}

async function frameLatency({ quick, directory }) {
  // Each packet comes alone, so that none waits for the one before.
  const server = await startServer({ speech, framesAhead: 0 });
  const practiceServer = await startServer({ speech, framesAhead: 6, speed: practice.speed });
  const rounds = await measure('frame-latency', {
    rounds: quick ? 3 : 5,
    sliceMs: quick ? 6_000 : 12_000,
    speech,
    websocketUrl: server.websocketUrl,
    practiceUrl: practiceServer.websocketUrl,
    directory,
  });
  server.stop();
  practiceServer.stop();
  const row = (figure, path, bare, bound) => {
    const all = rounds.flatMap((round) => round[path]);
    const ratio = median(rounds.map((round) => median(round[path]) / median(round[bare])));
    const us = (values, share) => Math.round(percentile(values, share));
    const bareMedian = median(rounds.flatMap((round) => round[bare]));
    return [
      bounded(figure, ratio, '×', bound, `p50 ${us(all, 0.5)} µs, bare call ${Math.round(bareMedian)} µs`),
      informative(`  p99 of ${all.length}`, us(all, 0.99), 'µs'),
      informative('  p99.9', us(all, 0.999), 'µs'),
    ];
  };
  return [
    ...row('last sample captured → bytes at the socket, p50 against encode', 'uplink', 'encode', 1.5),
    ...row('packet received → PCM at the loudspeaker, p50 against decode', 'downlink', 'decode', 2),
  ];
}

async function startup({ quick }) {
  let heard = () => {};
  const server = await startServer({ speech, framesAhead: 6, onHello: (atNs) => heard(atNs) });
  const nextHello = () =>
    new Promise((resolve) => {
      heard = resolve;
    });
  const { node, first, later } = await measureStartup({
    pairs: quick ? 5 : 11,
    otaUrl: server.otaUrl,
    nextHello,
  });
  server.stop();
  const ms = (values) => `${Math.round(median(values))} ms`;
  return [
    bounded(
      'start → hello on the wire, against `node -e 0`: first start',
      median(ratios(first, node)),
      '×',
      5,
      `${ms(first)}, node ${ms(node)}`,
    ),
    bounded('  every later start', median(ratios(later, node)), '×', 5, ms(later)),
  ];
}

async function memory({ quick, long, directory }) {
  const seconds = long ? 600 : quick ? 15 : 60;
  const server = await startServer({ speech, framesAhead: 6 });
  const peakMb = await measurePeakMemoryMb({
    seconds,
    otaUrl: server.otaUrl,
    microphone: `wav:${speech}`,
    home: directory,
  });
  server.stop();
  return [bounded(`peak memory of a conversation of ${seconds} s`, peakMb, 'MB', 90)];
}

/** All of the above takes its sound from a file; here it comes from a sound server. */
async function realDevices({ quick, directory }) {
  const cards = await startSoundCards();
  const heard = {};
  const next = (type) => () =>
    new Promise((resolve) => {
      heard[type] = resolve;
    });
  const on = (type) => (atNs) => heard[type]?.(atNs);
  const server = await startServer({
    speech,
    framesAhead: 6,
    onHello: on('hello'),
    onPacket: on('packet'),
    onAbort: on('abort'),
  });
  const place = { env: cards.env, otaUrl: server.otaUrl, home: directory, speech };
  const measuring = measureRealDevices(
    place,
    { hello: next('hello'), packet: next('packet'), abort: next('abort') },
    quick
      ? { pairs: 5, rounds: 1, sliceMs: 15_000, words: 5 }
      : { pairs: 11, rounds: 3, sliceMs: 30_000, words: 11 },
  );
  // Devices that end too early would be waited for without end.
  const limit = new Promise((_, reject) => {
    const fail = () => reject(new Error('a device did not do what was waited for'));
    setTimeout(fail, quick ? 480_000 : 1_500_000).unref();
  });
  const measured = await Promise.race([measuring, limit]);
  server.stop();
  cards.stop();
  const {
    node,
    start,
    rest,
    listening,
    speaking,
    bareListening,
    bareSpeaking,
    syllable,
    shortFrames,
    interrupted,
  } = measured;
  const cpu = (uses) => uses.map(({ cpuMs }) => cpuMs);
  const seconds = (values) => `${(median(values) / 1000).toFixed(1)} s CPU a minute`;
  const memoryMib = Math.max(...[rest, ...listening, ...speaking].map((use) => use.memoryMib));
  const spread = (values) =>
    `p50 ${median(values).toFixed(0)} ms, p95 ${percentile(values, 0.95).toFixed(0)} ms of ${values.length}`;
  return [
    bounded(
      'with a microphone and a loudspeaker: start → hello, against `node -e 0`',
      median(ratios(start, node)),
      '×',
      3.5,
      `${median(start).toFixed(0)} ms, node ${median(node).toFixed(0)} ms`,
    ),
    bounded('  memory of all processes, listening or speaking', memoryMib, 'MiB', 95),
    bounded('  CPU at rest, of one core', rest.cpuMs / 600, '%', 0.1),
    bounded(
      '  CPU listening, against Opus at its pace and `parec` alone',
      median(ratios(cpu(listening), bareListening)),
      '×',
      1.5,
      `${seconds(cpu(listening))}, bare ${seconds(bareListening)}`,
    ),
    bounded(
      '  CPU speaking, against Opus at its pace and `pacat` alone',
      median(ratios(cpu(speaking), bareSpeaking)),
      '×',
      1.5,
      `${seconds(cpu(speaking))}, bare ${seconds(bareSpeaking)}`,
    ),
    bounded(
      '  a word at a bare `parec` → its first packet at the server, p50',
      median(syllable),
      'ms',
      75,
      spread(syllable),
    ),
    informative('  with `audio.frameDurationMs` 20', median(shortFrames), 'ms', spread(shortFrames)),
    bounded(
      '  a voice over an answer → `abort` at the server, p95',
      percentile(interrupted, 0.95),
      'ms',
      400,
      spread(interrupted),
    ),
  ];
}

async function manyTurns({ quick }) {
  const turns = quick ? 1_000 : 10_000;
  const { growthBytes, simulatedHours } = await measure('many-turns', { turns, speech });
  const note = `${simulatedHours.toFixed(1)} h in simulated time`;
  return [bounded(`heap growth over ${turns} turns`, growthBytes / 1e6, 'MB', 2, note)];
}

async function toolCalls({ quick, directory }) {
  const rounds = quick ? 3 : 5;
  const service = await startService('ok');
  const measured = await measure('tool-calls', { rounds, directory, url: service.url, program: 'cat' });
  service.stop();
  const builtin = [];
  for (const [tool, args] of [
    ['self.audio_speaker.set_volume', { volume: 50 }],
    ['self.timer.list', {}],
  ])
    builtin.push(await measureToolRoundTrip({ tool, args, rounds, calls: 3000, directory }));
  const slowest = builtin.map(({ device, echo }) => ({ device, echo, ratio: median(ratios(device, echo)) }));
  const { device, echo, ratio } = slowest.reduce((most, each) => (each.ratio > most.ratio ? each : most));
  const ms = (values) => `${Number(median(values).toPrecision(3))} ms`;
  const against = (figure, values, bare, bound) =>
    bounded(figure, median(ratios(values, bare)), '×', bound, `p50 ${ms(values)}, bare ${ms(bare)}`);
  return [
    bounded(
      'built-in tool over loopback WebSocket, p50 against a bare echo',
      ratio,
      '×',
      2,
      `${median(device).toFixed(1)} µs, echo ${median(echo).toFixed(1)} µs`,
    ),
    against('subprocess tool against a bare spawn', measured.program, measured.spawn, 1.3),
    against('http tool against a bare fetch', measured.service, measured.fetch, 1.5),
    against('call with 1000 tools against 10', measured.thousand, measured.ten, 1.2),
  ];
}

async function linkCalls({ quick, directory }) {
  const measured = await measureLinkRoundTrips({ rounds: quick ? 3 : 5, calls: 3000, directory });
  const note = `echo ${median(measured.echo).toFixed(1)} µs`;
  return [
    bounded(
      'call over an access point, p50 against a bare echo',
      median(measured['access-point']),
      '×',
      2,
      note,
    ),
    bounded('call over a tunnel, p50 against a bare echo', median(measured.tunnel), '×', 2, note),
  ];
}

async function toolLoad({ quick, directory }) {
  const rounds = quick ? 2 : 5;
  const { quiet, loaded, tookMs } = await measureToolLoad({ calls: 200, rounds, speech, directory });
  return [
    bounded(
      'longest uplink gap during 200 calls at once with 1 MB each',
      median(loaded),
      'ms',
      Math.max(90, median(quiet)),
      `${median(quiet).toFixed(0)} ms without them; done in ${(median(tookMs) / 1000).toFixed(1)} s`,
    ),
  ];
}

async function mailbox() {
  const { heapMb, rssMb, peakRssMb, inOrder } = await measure('mailbox', { mails: 10_000 });
  if (!inOrder) throw new Error('The mail lost its order');
  return [
    bounded('10 000 results that wait to be told, heap', heapMb, 'MB', 20),
    informative('  resident memory, after and at most', rssMb, 'MB', `${peakRssMb.toFixed(1)} MB at most`),
  ];
}

async function notice({ quick }) {
  const { noticeMs, interruptionMs } = await measure('notice', { rounds: quick ? 5 : 20, speech });
  const spread = (values) =>
    `p50 ${median(values).toFixed(0)} ms, p95 ${percentile(values, 0.95).toFixed(0)} ms of ${values.length}`;
  return [
    bounded(
      'a result told in a conversation: last sample of an answer → first byte of the notice, p95',
      percentile(noticeMs, 0.95),
      'ms',
      1_500,
      spread(noticeMs),
    ),
    bounded(
      '  a voice → the notice is broken off, p95',
      percentile(interruptionMs, 0.95),
      'ms',
      300,
      spread(interruptionMs),
    ),
  ];
}

async function mcpCost({ quick, directory }) {
  const measured = { without: [], with: [], node: [] };
  for (let pair = 0; pair < (quick ? 5 : 11); pair++) {
    measured.without.push(await measure('mcp-cost', { withTools: false, directory }));
    measured.with.push(await measure('mcp-cost', { withTools: true, directory }));
    measured.node.push(await nodeAloneMs());
  }
  const added = (key) => median(measured.with.map((each, i) => each[key] - measured.without[i][key]));
  return [
    bounded('MCP in use, added memory', added('rssMb'), 'MB', 30),
    bounded(
      'MCP, added to the start, against `node -e 0`',
      added('readyMs') / median(measured.node),
      '×',
      1,
      `${added('readyMs').toFixed(0)} ms, node ${median(measured.node).toFixed(0)} ms`,
    ),
    informative('  until the tools are listed, once', added('listedMs'), 'ms'),
  ];
}

async function mountedCall({ quick }) {
  const server = `${root}node_modules/@modelcontextprotocol/server-everything/dist/index.js`;
  const http = await startMcpService(server);
  const rounds = quick ? 3 : 5;
  const measured = await measure('mounted-call', { rounds, calls: 500, server, url: http.url });
  http.stop();
  const us = (values) => `${Math.round(1000 * median(values))} µs`;
  const row = (figure, ours, bare) =>
    bounded(figure, median(ratios(ours, bare)), '×', 1.5, `p50 ${us(ours)}, bare ${us(bare)}`);
  return [
    row('call of a mounted tool over stdio, p50 against the SDK client', measured.stdio, measured.stdioBare),
    row('  over streamable HTTP', measured.http, measured.httpBare),
  ];
}

async function mounts({ quick, directory }) {
  const rounds = [];
  for (let round = 0; round < (quick ? 3 : 7); round++)
    rounds.push(await measure('mounts', { servers: 20, tools: 50, idleServers: 0, directory }));
  const of = (key) => median(rounds.map((each) => each[key]));
  // Each of them is pinged every 30 s.
  const idleMs = quick ? 30_000 : 120_000;
  const { idleCpuMs } = await measure('mounts', { servers: 0, tools: 0, idleServers: 10, idleMs, directory });
  const bare = rounds.map(({ bareCpuMs }) => bareCpuMs);
  const row = (figure, key, bound) => {
    const ours = rounds.map((each) => each[key]);
    const note = `${median(ours).toFixed(1)} ms, bare ${median(bare).toFixed(1)} ms`;
    return bounded(figure, median(ratios(ours, bare)), '×', bound, note);
  };
  return [
    row(
      '20 mounted servers with 50 tools each: offered from the cache, CPU against the bytes read, parsed and written',
      'cachedCpuMs',
      8,
    ),
    row('  all lists changed at once, CPU of the publication against the same', 'changedCpuMs', 8),
    bounded('  heap of servers, tools and registry', of('heapMb'), 'MB', 5),
    bounded('idle with 10 mounted servers, CPU of one core', (100 * idleCpuMs) / idleMs, '%', 0.5),
  ];
}

async function readiness({ quick, directory }) {
  const { without, known, unknown } = await measureReadiness({ rounds: quick ? 5 : 15, directory });
  const rows = (figure, at) => {
    const of = (measured) => measured.map((each) => each[at]);
    const ms = (measured) => `${Math.round(median(of(measured)))} ms`;
    return [
      bounded(
        `${figure} with 10 mounts, one hangs, one takes 15 s, against none`,
        median(ratios(of(known), of(without))),
        '×',
        1.1,
        `${ms(known)}, none ${ms(without)}`,
      ),
      informative('  at their first start', median(ratios(of(unknown), of(without))), '×', ms(unknown)),
    ];
  };
  return [
    ...rows('start → tools listed over the channel', 'device'),
    ...rows('start → tools listed over an access point', 'accessPoint'),
  ];
}

async function controlApi({ quick, directory }) {
  const server = await startServer({ speech, framesAhead: 6 });
  const { device, bare } = await measureControlRoundTrip({
    rounds: quick ? 3 : 5,
    calls: 2000,
    otaUrl: server.otaUrl,
    directory,
  });
  server.stop();
  const us = (values) => `${Math.round(median(values))} µs`;
  return [
    informative(
      'tool call over the control API, p50 against bare `node:http`',
      median(ratios(device, bare)),
      '×',
      `${us(device)}, bare ${us(bare)}`,
    ),
  ];
}

async function recording({ quick, directory }) {
  const server = await startServer({ speech, framesAhead: 6 });
  const rows = [];
  for (const format of ['wav', 'ogg']) {
    const measured = await measureRecordingCpu({
      rounds: quick ? 4 : 8,
      sliceMs: quick ? 6_000 : 12_000,
      otaUrl: server.otaUrl,
      speech,
      format,
      directory,
    });
    const added = measured.with.map((value, i) => value - measured.without[i]);
    rows.push(
      informative(
        `recording beside a conversation, CPU a minute, ${format}`,
        mean(added),
        'ms',
        `pairs from ${Math.round(Math.min(...added))} to ${Math.round(Math.max(...added))} ms; the conversation alone ${Math.round(mean(measured.without))} ms`,
      ),
    );
  }
  server.stop();
  return rows;
}

async function peerFloods({ quick, directory }) {
  const measured = await measurePeerFloods({ seconds: quick ? 3 : 10, directory });
  return Object.entries(measured).map(([peer, { p99Ms, maxMs }]) =>
    bounded(
      `loop delay while the ${peer} does its worst, p99`,
      p99Ms,
      'ms',
      100,
      `longest ${Math.round(maxMs)} ms`,
    ),
  );
}

/** Every figure by the name that `--only` takes. Each gives rows of the table. */
export const figures = {
  conversationCpu,
  frameLatency,
  startup,
  memory,
  realDevices,
  manyTurns,
  toolCalls,
  linkCalls,
  toolLoad,
  codecs,
  mailbox,
  notice,
  mcpCost,
  readiness,
  mounts,
  mountedCall,
  controlApi,
  recording,
  peerFloods,
};
