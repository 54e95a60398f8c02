import { createRequire } from 'node:module';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import { levelDbfs } from '../../src/audio/gain.ts';
import { createResampler } from '../../src/audio/resampler.ts';

export const frameDurationMs = 60;
export const uplinkHz = 16_000;
export const downlinkHz = 24_000;
const pauseDbfs = -45;

/** What the firmware encodes with (F). */
export const encoderSettings = {
  sampleRateHz: uplinkHz,
  frameDurationMs,
  complexity: 0,
  variableBitrate: true,
  discontinuousTransmission: true,
};

/** The bundled recording without its pauses, as 60 ms frames at 16 kHz: speech that never stops, when looped. */
export async function speechFrames(path) {
  const { pcm, sampleRateHz } = await readWavFile(path);
  if (sampleRateHz !== uplinkHz)
    throw new Error(`${path} has ${sampleRateHz} Hz, the bench needs ${uplinkHz} Hz`);
  const samples = (uplinkHz * frameDurationMs) / 1000;
  const frames = [];
  for (let at = 0; at + samples <= pcm.length; at += samples) {
    const frame = pcm.slice(at, at + samples);
    if (levelDbfs(frame) > pauseDbfs) frames.push(frame);
  }
  return frames;
}

/** The same speech as a server sends it: Opus packets of 60 ms at 24 kHz. */
export function speechPackets(codec, frames) {
  const encoder = codec.createEncoder({
    ...encoderSettings,
    sampleRateHz: downlinkHz,
    discontinuousTransmission: false,
  });
  const resampler = createResampler(uplinkHz, downlinkHz);
  return frames.map((frame) => Buffer.from(encoder.encode(resampler.push(frame))));
}

/** A WAV file of `seconds` of speech that never stops, for a microphone `wav:FILE`. */
export function speechWav(frames, seconds) {
  const count = Math.ceil((seconds * 1000) / frameDurationMs);
  const pcm = Buffer.concat(
    Array.from({ length: count }, (_, i) => Buffer.from(frames[i % frames.length].buffer)),
  );
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + pcm.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(uplinkHz, 24);
  header.writeUInt32LE(uplinkHz * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(pcm.length, 40);
  return Buffer.concat([header, pcm]);
}

/**
 * The codec package itself, set as the device sets it and with none of the device's checks: what every comparison is made
 * with. `encode` takes a frame, `decode` a packet.
 */
export function bareCodec() {
  const opus = createRequire(import.meta.url)('@discordjs/opus');
  const encoder = new opus.OpusEncoder(uplinkHz, 1);
  const { complexity, variableBitrate, discontinuousTransmission } = encoderSettings;
  encoder.applyEncoderCTL(4010, complexity);
  encoder.applyEncoderCTL(4006, Number(variableBitrate));
  encoder.applyEncoderCTL(4016, Number(discontinuousTransmission));
  const decoder = new opus.OpusEncoder(downlinkHz, 1);
  return {
    encode: (frame) => encoder.encode(Buffer.from(frame.buffer)),
    decode: (packet) => decoder.decode(packet),
  };
}
