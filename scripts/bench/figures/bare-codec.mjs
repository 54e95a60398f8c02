// Opus at its pace between a pipe and nothing: what listening or speaking costs before there is a device around it. Speaks to
// standard output; runs until its parent is gone.
import { loadOpusCodec } from '../../../src/app-codec.ts';
import { setup } from '../figure-process.mjs';
import { startPacedLoop } from '../paced-loop.mjs';
import { bareCodec, frameDurationMs, speechFrames, speechPackets } from '../speech.mjs';

const { speech, work } = setup;
const { encode, decode } = bareCodec();
const frames = await speechFrames(speech);
const packets = speechPackets(await loadOpusCodec(), frames);
startPacedLoop(frameDurationMs, (tick) => {
  if (work === 'listening') encode(frames[tick % frames.length]);
  else process.stdout.write(decode(packets[tick % packets.length]));
});
process.on('disconnect', () => process.exit());
process.send('ready');
