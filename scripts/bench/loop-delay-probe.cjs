// Loaded into a device by `--require`: says over IPC how long its loop was not to be had since it was asked last.
const { monitorEventLoopDelay } = require('node:perf_hooks');

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on('message', (message) => {
  if (message === 'begin') delay.reset();
  else process.send({ p99Ms: delay.percentile(99) / 1e6, maxMs: delay.max / 1e6 });
});
process.channel.unref();
