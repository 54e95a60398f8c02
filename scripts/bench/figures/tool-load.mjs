// A device in conversation whose server, in the parent process, calls its tools.
import { entersState, openDevice } from '../device.mjs';
import { setup } from '../figure-process.mjs';

const { websocketUrl, microphone, directory, tools } = setup;
const { device, until, close } = await openDevice({
  websocketUrl,
  microphone,
  mode: 'realtime',
  stateDirectory: directory,
  mcp: { tools },
});
const idle = until(entersState('idle'));
device.start();
await idle;
device.send({ type: 'talk.toggled' });
process.on('message', async () => {
  await close();
  process.exit();
});
