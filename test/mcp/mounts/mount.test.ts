import { describe, expect, it } from 'vitest';
import { ClientError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { createMount } from '../../../src/mcp/mounts/mount.ts';
import type { Tool } from '../../../src/mcp/tool.ts';
import type { ForeignTool } from '../../../src/ports/mcp-client.ts';
import type { MountedServerDefinition, MountStatus } from '../../../src/ports/mounted-server.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import {
  definitionOf,
  FakeMcpServer,
  foreignTool,
  said,
  sessionLost,
  unreachable,
} from '../../support/fake-mcp-server.ts';

const minute = 60_000;

function supervise(fields: Partial<MountedServerDefinition> = {}) {
  const clock = new FakeClock();
  const server = new FakeMcpServer();
  const states: string[] = [];
  const listed: (readonly ForeignTool[])[] = [];
  let changes = 0;
  const mount = createMount({
    definition: definitionOf('clock', fields),
    connect: server.connect,
    clock,
    logger: silentLogger,
    random: () => 0.5,
    listener: {
      onTools: () => {
        changes += 1;
      },
      onListed: (tools) => listed.push(tools),
      onStatus: ({ state }: MountStatus) => states.push(state),
    },
  });
  const tool = (): Tool => {
    const [first] = mount.tools();
    if (!first) throw new Error('no tool is offered');
    return first;
  };
  const abort = new AbortController();
  const call = (timeoutMs = 20_000) =>
    tool().run({}, { signal: abort.signal, deadlineMs: clock.now() + timeoutMs, log: silentLogger });
  /** What becomes of a call, as a value. */
  const outcome = (timeoutMs?: number) =>
    call(timeoutMs).then(
      (output) => (output.kind === 'text' ? output.text : output),
      (error: ClientError) => `${error.code}${error.retryable ? ' (again)' : ''}: ${error.message}`,
    );
  const names = () => mount.tools().map(({ name }) => name);
  return { clock, server, mount, states, listed, names, call, outcome, abort, changes: () => changes };
}

describe('a mounted server that starts', () => {
  it('goes from cold through starting to ready, and then its tools are offered', async () => {
    const { mount, states, names, listed, server } = supervise();
    expect([mount.status().state, names()]).toEqual(['cold', []]);
    await mount.start();
    expect(states).toEqual(['starting', 'ready']);
    expect(names()).toEqual(['clock__echo']);
    expect(listed).toEqual([server.tools]);
    expect(mount.status()).toEqual({
      name: 'clock',
      state: 'ready',
      transport: 'stdio',
      pid: undefined,
      toolCount: 1,
      restarts: 0,
      nextAttemptInMs: undefined,
      lastProblem: undefined,
      calls: 0,
      failedCalls: 0,
    });
  });

  it('has a limited time for it, whatever it hangs in', async () => {
    for (const hangs of ['starting', 'listing'] as const) {
      const { mount, states, server, clock } = supervise({ startTimeoutMs: 15_000 });
      server[hangs] = 'hangs';
      const started = mount.start();
      await clock.advanceAsync(15_000);
      await started;
      expect(states).toEqual(['starting', 'restarting']);
      expect(mount.status().lastProblem).toBe(
        'clock did not start within 15 seconds. Run its command by hand to see what it waits for.',
      );
      expect(server.connections.every(({ isClosed }) => isClosed)).toBe(true);
    }
  });

  it('that ends while its list is read has not started', async () => {
    const { mount, states, server, clock } = supervise();
    server.listing = 'hangs';
    const started = mount.start();
    await settle();
    server.die(unreachable('It ended with code 3.'));
    await started;
    await settle();
    expect(states).toEqual(['starting', 'restarting']);
    expect(mount.status()).toMatchObject({ lastProblem: 'It ended with code 3.', nextAttemptInMs: 1000 });
    expect(clock.pendingTimers).toBe(1);
  });

  it('tells which of its tools cannot be used, once', async () => {
    const { mount, server, clock } = supervise();
    server.faults = ['bad: has no inputSchema'];
    await mount.start();
    server.live.hooks.onToolsChanged();
    await clock.advanceAsync(1000);
    expect(mount.logs().filter((line) => line.startsWith('bad'))).toEqual(['bad: has no inputSchema']);
  });
});

describe('a mounted server that does not work', () => {
  it('is tried five times more, with doubling delays, and then every five minutes', async () => {
    const { mount, server, clock } = supervise();
    server.starting = unreachable('`uvx` was not found.');
    await mount.start();
    const waits: (number | undefined)[] = [];
    for (let tries = 0; tries < 8; tries += 1) {
      const { nextAttemptInMs, state } = mount.status();
      waits.push(nextAttemptInMs);
      expect(state).toBe(tries < 5 ? 'restarting' : 'failed');
      await clock.advanceAsync(nextAttemptInMs ?? 0);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 5 * minute, 5 * minute, 5 * minute]);
    server.starting = 'well';
    await clock.advanceAsync(5 * minute);
    expect(mount.status()).toMatchObject({ state: 'ready', lastProblem: undefined });
  });

  it('comes back after it has died, with its tools offered all the time', async () => {
    const { mount, states, names, server, clock, changes } = supervise();
    await mount.start();
    server.die();
    expect([mount.status().state, names()]).toEqual(['restarting', ['clock__echo']]);
    await clock.advanceAsync(1000);
    expect(states).toEqual(['starting', 'ready', 'restarting', 'restarting', 'ready']);
    expect(changes()).toBe(1);
    expect(server.connections.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it('gets its full budget back after five minutes without a fault, not before', async () => {
    const { mount, server, clock } = supervise({ pingIntervalMs: 0 });
    await mount.start();
    server.die();
    await clock.advanceAsync(1000);
    await clock.advanceAsync(5 * minute - 1);
    expect(mount.status().restarts).toBe(1);
    await clock.advanceAsync(1);
    expect(mount.status().restarts).toBe(0);
  });

  it('and dies again and again right after its start has failed, too', async () => {
    const { mount, server, clock } = supervise();
    await mount.start();
    for (let deaths = 0; deaths < 6; deaths += 1) {
      server.die();
      await clock.advanceAsync(mount.status().state === 'failed' ? 0 : 60_000);
    }
    expect(mount.status()).toMatchObject({ state: 'failed', restarts: 6 });
  });

  it('spreads its tries, so that many servers do not come back at once', async () => {
    const waits = await Promise.all(
      [0, 1].map(async (random) => {
        const server = new FakeMcpServer();
        server.starting = unreachable();
        const mount = createMount({
          definition: definitionOf('x'),
          connect: server.connect,
          clock: new FakeClock(),
          logger: silentLogger,
          random: () => random,
          listener: { onTools: () => {}, onListed: () => {}, onStatus: () => {} },
        });
        await mount.start();
        return mount.status().nextAttemptInMs;
      }),
    );
    expect(waits).toEqual([800, 1200]);
  });
});

describe('a call', () => {
  it('reaches a server that is ready with the time that is left', async () => {
    const { mount, outcome, server } = supervise();
    await mount.start();
    expect(await outcome(7000)).toBe('echo');
    expect(server.live.calls).toEqual([{ name: 'echo', args: {}, timeoutMs: 7000 }]);
    expect(mount.status()).toMatchObject({ calls: 1, failedCalls: 0 });
  });

  it('starts a lazy server that is only remembered', async () => {
    const { mount, outcome, names, states, server } = supervise({ start: 'lazy' });
    mount.remember(server.tools);
    expect([names(), server.tries]).toEqual([['clock__echo'], 0]);
    expect(await outcome()).toBe('echo');
    expect(states).toEqual(['starting', 'ready']);
  });

  it('waits five seconds for a server that starts, then says so', async () => {
    const { mount, outcome, server, clock } = supervise({ start: 'lazy' });
    mount.remember(server.tools);
    server.starting = 'hangs';
    const answered = outcome();
    await clock.advanceAsync(4999);
    expect(mount.status().failedCalls).toBe(0);
    await clock.advanceAsync(1);
    expect(await answered).toBe('TOOL_UNREACHABLE (again): clock is still starting, try again in a moment.');
    expect(mount.status()).toMatchObject({ state: 'starting', calls: 1, failedCalls: 1 });
  });

  it('waits no longer than it may take itself', async () => {
    const { mount, outcome, server, clock } = supervise({ start: 'lazy' });
    mount.remember(server.tools);
    server.starting = 'hangs';
    const answered = outcome(300);
    await clock.advanceAsync(300);
    expect(await answered).toContain('is still starting');
  });

  it('in the background waits as long as it may take', async () => {
    const { mount, call, server, clock } = supervise({
      start: 'lazy',
      tools: { echo: { mode: 'background' } },
    });
    mount.remember(server.tools);
    server.starting = 'hangs';
    let settled = false;
    const answered = call(60_000).finally(() => {
      settled = true;
    });
    await clock.advanceAsync(20_000);
    expect(settled).toBe(false);
    server.starting = 'well';
    void mount.restart();
    expect(await answered).toEqual({ kind: 'text', text: 'echo' });
  });

  it('that is taken back while the server starts ends at once', async () => {
    const { mount, outcome, server, abort, clock } = supervise({ start: 'lazy' });
    mount.remember(server.tools);
    server.starting = 'hangs';
    const answered = outcome();
    abort.abort(new ClientError('TOOL_CANCELLED', 'The task was cancelled.'));
    expect(await answered).toBe('TOOL_CANCELLED: The task was cancelled.');
    expect(clock.pendingTimers).toBe(1);
  });

  it('learns at once when the server cannot be started, and when it has failed', async () => {
    const { mount, outcome, server, clock } = supervise({ start: 'lazy' });
    mount.remember(server.tools);
    server.starting = unreachable('`uvx` was not found.');
    expect(await outcome()).toBe(
      'TOOL_UNREACHABLE (again): clock does not work at the moment and is tried again in 1 s. `uvx` was not found.',
    );
    await clock.advanceAsync(31_000);
    expect(mount.status().state).toBe('failed');
    const failed =
      'TOOL_UNREACHABLE (again): clock does not work at the moment and is tried again in 5 minutes, or by a call that is made 10 s after the last try. `uvx` was not found.';
    expect(await outcome()).toBe(failed);
  });

  it('tries a server that has failed at once, but not more than once in ten seconds', async () => {
    const { mount, outcome, server, clock } = supervise({ start: 'lazy' });
    mount.remember(server.tools);
    server.starting = unreachable('Nobody listens there.');
    await outcome();
    await clock.advanceAsync(31_000);
    const { restarts } = mount.status();
    await clock.advanceAsync(10_000);
    await outcome();
    await outcome();
    expect(mount.status()).toMatchObject({ state: 'failed', restarts: restarts + 1 });
    await clock.advanceAsync(10_000);
    server.starting = 'well';
    expect(await outcome()).toBe('echo');
    expect([mount.status().state, clock.pendingTimers]).toEqual(['ready', 2]);
  });

  it('is not made again when the server dies in it', async () => {
    const { mount, outcome, server, clock } = supervise();
    await mount.start();
    server.answer = () => new Promise(() => {});
    const answered = outcome();
    await settle();
    server.die(unreachable('It ended with code 3.'));
    expect(await answered).toBe('TOOL_UNREACHABLE (again): It ended with code 3.');
    await clock.advanceAsync(1000);
    expect(server.connections.map(({ calls }) => calls.length)).toEqual([1, 0]);
  });

  it('that the server refuses because it forgot the session is made once more on a new one', async () => {
    const { mount, outcome, server, states } = supervise();
    server.transport = 'http';
    await mount.start();
    server.answer = () =>
      server.connections.length === 1 ? Promise.reject(sessionLost()) : Promise.resolve(said('noon'));
    expect(await Promise.all([outcome(), outcome(), outcome()])).toEqual(['noon', 'noon', 'noon']);
    expect(server.connections.map(({ calls }) => calls.length)).toEqual([3, 3]);
    expect(states).toEqual(['starting', 'ready', 'restarting', 'ready']);
    server.answer = () => Promise.reject(sessionLost());
    expect(await outcome()).toContain('TOOL_SESSION_LOST');
    expect(server.connections).toHaveLength(3);
  });

  it('is made once more, too, when the end of the session is told before its own failure', async () => {
    const { mount, outcome, server, states } = supervise();
    server.transport = 'http';
    await mount.start();
    server.answer = () =>
      server.connections.length === 1 ? new Promise(() => {}) : Promise.resolve(said('noon'));
    const answered = outcome();
    await settle();
    server.die(sessionLost());
    expect(await answered).toBe('noon');
    expect(states).toEqual(['starting', 'ready', 'restarting', 'ready']);
  });

  it('counts as failed when the server says so', async () => {
    const { mount, outcome, server } = supervise();
    await mount.start();
    server.answer = () => Promise.resolve({ ...said('No such city'), isError: true });
    expect(await outcome()).toBe('TOOL_FAILED: No such city');
    expect(mount.status()).toMatchObject({ calls: 1, failedCalls: 1 });
  });
});

describe('the health of a server', () => {
  it('is asked for while nobody calls; no answer is a restart', async () => {
    const { mount, server, clock } = supervise({ pingIntervalMs: 1000 });
    await mount.start();
    await clock.advanceAsync(3000);
    expect(server.live.pings).toBe(3);
    server.pinging = unreachable();
    await clock.advanceAsync(1000);
    expect(mount.status()).toMatchObject({
      state: 'restarting',
      lastProblem: 'clock does not answer any more and is started anew.',
    });
  });

  it('is not doubted while it works on a call', async () => {
    const { mount, server, clock, outcome } = supervise({ pingIntervalMs: 1000 });
    await mount.start();
    server.answer = () => new Promise(() => {});
    void outcome(60_000);
    await clock.advanceAsync(10_000);
    expect(server.live.pings).toBe(0);
  });

  it('is not asked for when the user does not want it', async () => {
    const { mount, clock } = supervise({ pingIntervalMs: 0 });
    await mount.start();
    await clock.advanceAsync(5 * minute);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a server that nobody uses', () => {
  it('is stopped after a while and started by the next call; its tools stay', async () => {
    const { mount, server, clock, names, outcome } = supervise({ idleStopMs: minute });
    await mount.start();
    await clock.advanceAsync(minute - 1);
    expect(await outcome()).toBe('echo');
    await clock.advanceAsync(minute - 1);
    expect(mount.status().state).toBe('ready');
    await clock.advanceAsync(1);
    expect([mount.status(), names()]).toMatchObject([{ state: 'cold', restarts: 0 }, ['clock__echo']]);
    expect(server.live.isClosed).toBe(true);
    expect(await outcome()).toBe('echo');
  });

  it('is not stopped when one of two calls has ended', async () => {
    const { mount, server, clock, outcome } = supervise({ idleStopMs: minute, pingIntervalMs: 0 });
    await mount.start();
    server.answer = () => new Promise(() => {});
    void outcome(10 * minute);
    await settle();
    server.answer = () => Promise.resolve(said('quick'));
    await outcome();
    await clock.advanceAsync(3 * minute);
    expect(mount.status().state).toBe('ready');
  });

  it('is not stopped in a call', async () => {
    const { mount, server, clock, outcome } = supervise({ idleStopMs: minute, pingIntervalMs: 0 });
    await mount.start();
    let finish = (_: ReturnType<typeof said>) => {};
    server.answer = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const answered = outcome(10 * minute);
    await clock.advanceAsync(3 * minute);
    finish(said('done'));
    expect(await answered).toBe('done');
  });
});

describe('a list that changes', () => {
  it('is read again, at most once at a time and once a second', async () => {
    const { mount, server, clock, names } = supervise();
    await mount.start();
    server.tools = [foreignTool('echo'), foreignTool('new')];
    for (let times = 0; times < 100; times += 1) server.live.hooks.onToolsChanged();
    await settle();
    expect(names()).toEqual(['clock__echo', 'clock__new']);
    await clock.advanceAsync(1000);
    expect(server.live.lists).toBe(3);
    await clock.advanceAsync(minute);
    expect(server.live.lists).toBe(3);
  });

  it('that cannot be read stays as it was and is tried again, ever less often', async () => {
    const { mount, server, clock, names } = supervise({ pingIntervalMs: 0 });
    await mount.start();
    server.tools = [];
    server.listing = unreachable('It makes no sense.');
    server.live.hooks.onToolsChanged();
    await clock.advanceAsync(2000);
    expect([names(), server.live.lists]).toEqual([['clock__echo'], 3]);
    expect(mount.logs()).toContain('The changed list cannot be read: It makes no sense.');
    server.listing = 'well';
    await clock.advanceAsync(8000);
    expect(names()).toEqual([]);
  });

  it('that says the same is no change', async () => {
    const { mount, server, clock, changes, listed } = supervise();
    mount.remember(server.tools);
    await mount.start();
    server.live.hooks.onToolsChanged();
    await clock.advanceAsync(2000);
    expect([changes(), listed.length]).toEqual([1, 0]);
  });

  it('is not replaced by what was remembered', async () => {
    const { mount, names } = supervise();
    await mount.start();
    mount.remember([foreignTool('old')]);
    expect(names()).toEqual(['clock__echo']);
  });
});

describe('what the user may do', () => {
  it('switch a server off: nothing of it is offered, running or callable', async () => {
    const { mount, server, names, outcome, call } = supervise();
    await mount.start();
    const before = mount.tools()[0];
    server.answer = () => new Promise(() => {});
    const running = outcome();
    await settle();
    mount.disable();
    expect(await running).toBe(
      'TOOL_UNREACHABLE: clock is switched off; switch it on with mcp enable clock.',
    );
    expect([mount.status().state, names(), server.live.isClosed]).toEqual(['disabled', [], true]);
    const { signal } = new AbortController();
    await expect(before?.run({}, { signal, deadlineMs: 1000, log: silentLogger })).rejects.toThrow(
      'clock is switched off',
    );
    await expect(mount.restart()).rejects.toThrow('clock is switched off');
    expect(server.tries).toBe(1);
    expect(() => call()).toThrow('no tool is offered');
  });

  it('switch it on again', async () => {
    const { mount, names } = supervise({ enabled: false });
    mount.remember([foreignTool('old')]);
    await mount.start();
    expect([mount.status().state, names()]).toEqual(['disabled', []]);
    mount.enable();
    expect([mount.status().state, names()]).toEqual(['cold', ['clock__old']]);
    await mount.start();
    expect([mount.status().state, names()]).toEqual(['ready', ['clock__echo']]);
  });

  it('restart it, which is no crash and does not wait', async () => {
    const { mount, server, clock } = supervise();
    server.starting = unreachable();
    await mount.start();
    await clock.advanceAsync(31_000);
    expect(mount.status().state).toBe('failed');
    server.starting = 'well';
    await mount.restart();
    expect(mount.status()).toMatchObject({ state: 'ready', restarts: 0 });
    await mount.restart();
    expect(server.connections.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    server.starting = unreachable('`uvx` was not found.');
    await expect(mount.restart()).rejects.toThrow('`uvx` was not found.');
  });

  it('start by hand what is to be started by hand only', async () => {
    const { mount, names } = supervise({ start: 'manual' });
    mount.remember([foreignTool('old')]);
    expect(names()).toEqual([]);
    await mount.restart();
    expect(names()).toEqual(['clock__echo']);
  });

  it('change what is said of tools while the server runs', async () => {
    const { mount, names, server } = supervise();
    await mount.start();
    mount.redefine(definitionOf('clock', { tools: { echo: { alias: 'repeat' } } }));
    expect(names()).toEqual(['repeat']);
    expect(server.tries).toBe(1);
  });
});

describe('the end', () => {
  it('comes from every state, leaves no timer and no connection, and nothing happens after it', async () => {
    const ways: Record<string, (parts: ReturnType<typeof supervise>) => unknown> = {
      cold: () => {},
      starting: ({ mount, server }) => {
        server.starting = 'hangs';
        void mount.start();
      },
      ready: ({ mount }) => mount.start(),
      restarting: async ({ mount, server }) => {
        await mount.start();
        server.die();
      },
      failed: async ({ mount, server, clock }) => {
        server.starting = unreachable();
        await mount.start();
        await clock.advanceAsync(31_000);
      },
      disabled: ({ mount }) => mount.disable(),
    };
    for (const [state, way] of Object.entries(ways)) {
      const parts = supervise({ idleStopMs: minute });
      const { mount, clock, server, states } = parts;
      await way(parts);
      await settle();
      expect(mount.status().state).toBe(state);
      await mount.close();
      await settle();
      expect([state, clock.pendingTimers, server.connections.every(({ isClosed }) => isClosed)]).toEqual([
        state,
        0,
        true,
      ]);
      const seen = states.length;
      await clock.advanceAsync(10 * minute);
      expect(states).toHaveLength(seen);
    }
  });

  it('does not wait for ever for a connection that does not close', async () => {
    const { mount, server, clock } = supervise();
    await mount.start();
    server.live.close = () => new Promise(() => {});
    const closed = mount.close();
    await clock.advanceAsync(10_000);
    await closed;
  });

  it('may come at any moment of the start, and so may the death of the server', async () => {
    for (let moment = 0; moment < 20; moment += 1) {
      for (const end of ['disable', 'die'] as const) {
        const { mount, server, clock } = supervise();
        void mount.start();
        for (let turn = 0; turn < moment; turn += 1) await Promise.resolve();
        const isConnected = server.connections.length > 0;
        if (end === 'disable') mount.disable();
        else if (isConnected) server.die();
        await settle();
        const wanted = end === 'disable' ? 'disabled' : isConnected ? 'restarting' : 'ready';
        expect([moment, end, mount.status().state]).toEqual([moment, end, wanted]);
        await mount.close();
        expect(server.connections.filter(({ isClosed }) => !isClosed)).toEqual([]);
        expect(clock.pendingTimers).toBe(0);
      }
    }
  });

  it('of a connection that was made too late is its end', async () => {
    const { mount, server } = supervise();
    let finish = () => {};
    const connect = server.connect;
    const late = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const mountLate = createMount({
      definition: mount.definition,
      connect: async (...args) => {
        await late;
        return await connect(...args);
      },
      clock: new FakeClock(),
      logger: silentLogger,
      random: Math.random,
      listener: { onTools: () => {}, onListed: () => {}, onStatus: () => {} },
    });
    void mountLate.start();
    await settle();
    const closed = mountLate.close();
    finish();
    await closed;
    expect(server.live.isClosed).toBe(true);
  });
});
