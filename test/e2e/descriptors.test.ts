import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startChaosHttp } from '../support/chaos-mcp-http.ts';
import { descriptorsOf, grown } from '../support/descriptors.ts';
import { askControl, chaosMount, untilOffered } from '../support/exchange-program.ts';
import { buildProgram, cleanUpPrograms } from '../support/program.ts';
import { startToolProgram } from '../support/tool-program.ts';

beforeAll(buildProgram);
afterAll(cleanUpPrograms);

const restarts = 20;

it('mounts that are added, called, restarted and removed leave no descriptor open in the running device', async () => {
  const http = await startChaosHttp();
  const mounts = { local: chaosMount(), web: { url: http.url } };
  const names = Object.keys(mounts);
  const program = startToolProgram({});
  const pid = program.child.pid ?? 0;
  await untilOffered(program, ['self.get_device_status']);

  const liveOnce = async (times: number) => {
    for (const [name, mount] of Object.entries(mounts))
      await askControl(program, 'POST', '/v1/mounts', { name, trusted: true, ...mount });
    await untilOffered(program, ['local__echo', 'web__echo']);
    for (let n = 0; n < times; n += 1)
      await Promise.all(
        names.map(async (name) => {
          await askControl(program, 'POST', `/v1/mounts/${name}/restart`);
          await askControl(program, 'POST', `/v1/tools/${name}__echo/call`, { args: { text: 'x' } });
        }),
      );
    const during = descriptorsOf(pid);
    for (const name of names) await askControl(program, 'DELETE', `/v1/mounts/${name}`);
    return during;
  };

  // What is loaded and started once for all stays: the API's code, and the guard that ends children of a killed device.
  const once = await liveOnce(1);
  const started = descriptorsOf(pid);
  expect(grown(started, once)).not.toEqual([]);
  await liveOnce(restarts);
  await vi.waitFor(() => expect(grown(started, descriptorsOf(pid))).toEqual([]), 10_000);
  program.child.kill('SIGTERM');
  expect(await program.exited).toBe(143);
  await http.stop();
}, 90_000);
