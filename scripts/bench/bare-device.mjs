import { ConfigSchema } from '../../src/config/schema.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { Device } from '../../src/runtime/device.ts';
import { encoderSettings, frameDurationMs } from './speech.mjs';

const { announcements, audio, conversation, server } = ConfigSchema.parse({});

/** What the machine has to know; the defaults of the configuration. */
export const machineSettings = (mode) => ({
  listeningMode: mode,
  idleSettleMs: conversation.idleSettleMs,
  replyTimeoutMs: conversation.replyTimeoutMs,
  soundGapTimeoutMs: conversation.soundGapTimeoutMs,
  resumeWithinMs: conversation.resumeWithinMs,
  serverMayListen: conversation.serverMayListen,
  textWays: ['detect'],
  releaseTailMs: frameDurationMs + 40,
  voiceOverAnswer: 'unheard',
  localEndpointing: false,
  wakeWord: 'none',
  recovery: server.recovery,
  announcements: { ...announcements, language: 'en' },
  mailboxCapacity: announcements.mailboxCapacity,
  random: () => 0.5,
  now: () => new Date(),
});

/** The device with ports of the bench's own: what `createApp` makes, without files, network and OTA. */
export function createBareDevice({
  microphone,
  loudspeaker,
  codec,
  transports,
  clock,
  display,
  mode,
  settings = {},
}) {
  return new Device(
    {
      microphone,
      loudspeaker,
      codec,
      transports,
      provisioning: {
        provisioning: undefined,
        memory: { recall: () => undefined, remember: () => Promise.resolve() },
        useAnswer: () => {},
      },
      display,
      clock,
      logger: silentLogger,
    },
    {
      settings: { ...machineSettings(mode), ...settings },
      encoder: encoderSettings,
      preRollMs: audio.preRollMs,
      volumePercent: audio.volumePercent,
      muted: false,
    },
  );
}
