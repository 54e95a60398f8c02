import type { DeviceOptions } from '../../src/runtime/device.ts';

const uplink = { sampleRateHz: 16_000, frameDurationMs: 60 };

/** A device that hears nobody by itself and tries again at once and for ever, for tests over real sockets. */
export function eagerOptions(changes: Partial<DeviceOptions['settings']> = {}): DeviceOptions {
  return {
    settings: {
      voiceOverAnswer: 'unheard',
      localEndpointing: false,
      wakeWord: 'none',
      listeningMode: 'auto',
      idleSettleMs: 50,
      replyTimeoutMs: 20_000,
      soundGapTimeoutMs: 20_000,
      resumeWithinMs: 5_000,
      serverMayListen: false,
      textWays: ['detect'],
      releaseTailMs: 100,
      recovery: { firstDelayMs: 20, maxDelayMs: 100, attempts: 1_000, healthyAfterMs: 60_000 },
      announcements: {
        strategies: ['detect'],
        quietMs: 3_000,
        triesPerStrategy: 1_000,
        language: 'en',
        maxSpokenCharacters: 300,
        maxCueCharacters: 80,
        firstRetryMs: 50,
        maxRetryMs: 100,
      },
      mailboxCapacity: 32,
      now: () => new Date(2026, 0, 1, 12),
      random: () => 0.5,
      ...changes,
    },
    encoder: { ...uplink, complexity: 0, variableBitrate: true, discontinuousTransmission: true },
    preRollMs: 2_000,
    volumePercent: 100,
    muted: false,
  };
}
