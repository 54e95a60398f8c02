import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { root } from '../bundle-options.mjs';
import { ask } from './http-exchange.mjs';
import { wait } from './statistics.mjs';

const nsPerMs = 1e6;

/** The program as it is delivered, with a control API that answers. `options` are those of the command `run`. */
export async function startDevice({ home, options }) {
  const child = spawn(process.execPath, [`${root}dist/main.js`, 'run', ...options], {
    stdio: 'ignore',
    env: { ...process.env, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: home },
  });
  const ended = once(child, 'exit');
  const socketPath = join(home, 'xiaozhi-speaker', 'control.sock');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const answers = () =>
    ask({ socketPath, agent, path: '/v1/health' }).then(
      () => true,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error(`The device ended with code ${child.exitCode}`);
    await wait(50);
  }
  return {
    /** Calls a tool over the control API; gives the body of the answer. */
    callTool: (tool, args) =>
      ask({ socketPath, agent, path: `/v1/tools/${tool}/call`, body: JSON.stringify({ args }) }),
    /** What all its threads have used. */
    async cpuMs() {
      const tasks = `/proc/${child.pid}/task`;
      const times = (await readdir(tasks)).map((task) => readFile(`${tasks}/${task}/schedstat`, 'utf8'));
      return (await Promise.all(times)).reduce((sum, text) => sum + Number(text.split(' ')[0]), 0) / nsPerMs;
    },
    async stop() {
      agent.destroy();
      child.kill('SIGTERM');
      await ended;
    },
  };
}
