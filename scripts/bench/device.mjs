import { createApp } from '../../src/app.ts';
import { ConfigSchema } from '../../src/config/schema.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';

/** The whole device, put together as `run` does it, with nobody watching. `until` waits for a state or playback edge. */
export async function openDevice({
  websocketUrl,
  microphone,
  mode,
  stateDirectory,
  mcp = {},
  clock = monotonicClock,
}) {
  const { display, until } = createWatcher();
  const app = await createApp({
    config: ConfigSchema.parse({
      server: { url: websocketUrl },
      audio: { microphone, loudspeaker: 'null' },
      conversation: { mode },
      mcp,
      paths: { state: stateDirectory },
    }),
    file: undefined,
    volumeIsConfigured: true,
    env: process.env,
    clock,
    startMs: clock.now(),
    logger: silentLogger,
    display,
    say: () => {},
    startDemoServer: () => Promise.reject(new Error('the bench brings its own server')),
  });
  return { device: app.device, close: app.close, until, ...handsOn(app.device, until) };
}

/** A display that shows nothing; `until` waits for an event that is shown. */
export function createWatcher() {
  const waiting = new Set();
  return {
    display: {
      show: (event) => {
        for (const waiter of waiting) waiter(event);
      },
    },
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const waiter = (event) => {
          if (event.type === 'error') reject(new Error(event.message));
          else if (!wanted(event)) return;
          waiting.delete(waiter);
          resolve();
        };
        waiting.add(waiter);
      }),
  };
}

/** What a person does with a device. */
export function handsOn(device, until) {
  /** Resolves when the device has come to the state. */
  const sendUntil = async (type, state) => {
    const come = until(entersState(state));
    device.send({ type });
    await come;
  };
  return {
    sendUntil,
    async start() {
      const idle = until(entersState('idle'));
      device.start();
      await idle;
    },
    /** In mode `realtime`: both talk from now on, until `hangUp`. */
    converse: () => sendUntil('talk.toggled', 'speaking'),
    /** Ends what `converse` began; the channel is closed. */
    async hangUp() {
      await sendUntil('talk.toggled', 'listening');
      await sendUntil('talk.toggled', 'idle');
    },
  };
}

export const entersState = (state) => (event) => event.type === 'state' && event.to === state;

/**
 * Time that runs `speed` times as fast, for a device that is to get through much of a conversation quickly. One clock for the
 * practice and for what is measured afterwards: V8 forgets what it has compiled when another is asked for the time.
 */
export function createAdjustableClock() {
  let speed = 1;
  let fromMs = 0;
  let sinceMs = 0;
  const now = () => fromMs + (monotonicClock.now() - sinceMs) * speed;
  return {
    now,
    setTimeout: (callback, delayMs) => monotonicClock.setTimeout(callback, delayMs / speed),
    clearTimeout: monotonicClock.clearTimeout,
    /** Takes effect on timers that are set from now on. */
    setSpeed(wanted) {
      fromMs = now();
      sinceMs = monotonicClock.now();
      speed = wanted;
    },
  };
}
