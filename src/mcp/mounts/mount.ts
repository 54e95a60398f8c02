import { backoffDelayMs } from '../../core/backoff.ts';
import { type Clock, type TimerHandle, wait } from '../../core/clock.ts';
import { type ClientError, ErrorCode, toClientError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type {
  ConnectMcpServer,
  ForeignResult,
  ForeignTool,
  ForeignToolList,
} from '../../ports/mcp-client.ts';
import type { MountedServerDefinition, MountStatus } from '../../ports/mounted-server.ts';
import type { Tool } from '../tool.ts';
import { createMountArrivals } from './mount-arrivals.ts';
import { mountError } from './mount-errors.ts';
import { createMountList } from './mount-list.ts';
import { createMountLog } from './mount-log.ts';
import { createMountSession, type MountSession } from './mount-session.ts';
import type { MountedCall } from './mounted-tools.ts';
import { type StartAttempt, type Started, startAttempt } from './start-attempt.ts';

export interface MountParts {
  readonly definition: MountedServerDefinition;
  readonly connect: ConnectMcpServer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly listener: MountListener;
}

/** Must not throw. */
export interface MountListener {
  /** `tools()` gives something else than before. */
  onTools(): void;
  /** The server has told what it offers, and it differs from what was known. */
  onListed(tools: readonly ForeignTool[]): void;
  onStatus(status: MountStatus): void;
}

/** One mounted server under supervision. */
export interface Mount {
  readonly definition: MountedServerDefinition;
  status(): MountStatus;
  /** Offered at the moment; those of a server that is not running are started by their first call. */
  tools(): readonly Tool[];
  /** Whether anything is known of what it offers; an empty list counts. */
  readonly isKnown: boolean;
  logs(): readonly string[];
  /** What it offered when it was last there; nothing happens when it has told meanwhile what it offers now. */
  remember(tools: readonly ForeignTool[]): void;
  /** Starts a server that has not been started. Resolves when it is ready or this try has failed; never rejects. */
  start(): Promise<void>;
  /** Stops it, and starts it with a full budget. @throws ClientError when it is switched off or the first try fails */
  restart(): Promise<void>;
  enable(): void;
  disable(): void;
  /** Takes over what the user has changed without stopping the server; the target must be the same. */
  redefine(definition: MountedServerDefinition): void;
  /** Resolves when nothing of the server is left, at the latest after ten seconds. */
  close(): Promise<void>;
}

type State =
  | { readonly name: 'disabled' | 'cold' }
  | { readonly name: 'starting' | 'restarting' | 'failed'; readonly attempt: StartAttempt }
  | { readonly name: 'ready'; readonly attempt: StartAttempt; readonly session: MountSession }
  | { readonly name: 'restarting' | 'failed'; readonly timer: TimerHandle; readonly dueMs: number };

const maxRestarts = 5;
const backoff = { firstMs: 1000, maxMs: 60_000, jitterShare: 0.2 } as const;
const failedRetryMs = 300_000;
/** A call tries a server that is down at once, unless it was tried so shortly before. */
const triedGapMs = 10_000;
const stableMs = 300_000;
const patienceMs = 5000;
const closeLimitMs = 10_000;

export function createMount(parts: MountParts): Mount {
  const { clock, listener, logger } = parts;
  let { definition } = parts;
  const { name } = definition;
  let state: State = { name: definition.enabled ? 'cold' : 'disabled' };
  let restarts = 0;
  let lastProblem: ClientError | undefined;
  /** When it was last found not to work. */
  let failedMs = Number.NEGATIVE_INFINITY;
  let calls = 0;
  let failedCalls = 0;
  let stableTimer: TimerHandle;
  /** Connections and tries that are being ended. */
  const endings = new Set<Promise<void>>();
  const log = createMountLog();
  const arrivals = createMountArrivals<MountSession>(clock);
  const list = createMountList({ call, clock, logger, log, listener });

  function enter(next: State): void {
    state = next;
    log.add(`— ${next.name}`);
    offer();
    listener.onStatus(status());
  }

  /** Tools of a server that only a person may start are offered while it runs. */
  function offer(): void {
    const isHidden = state.name === 'disabled' || (state.name === 'cold' && definition.start === 'manual');
    list.offer(definition, isHidden ? 'hidden' : 'shown');
  }

  function begin(stateName: 'starting' | 'restarting' | 'failed'): StartAttempt {
    const attempt: StartAttempt = startAttempt({
      definition,
      connect: parts.connect,
      clock,
      // A process may hold a port or a file that the next one needs.
      after: definition.target.type === 'stdio' ? Promise.all(endings) : Promise.resolve(),
      hooks: {
        onToolsChanged: () => state.name === 'ready' && state.attempt === attempt && state.session.changed(),
        onClosed: (error) => onClosed(attempt, error),
        onLog: (line) => log.add(line),
      },
    });
    attempt.result.then(
      (started) => onStarted(attempt, started),
      (error: ClientError) => isCurrent(attempt) && tryAgain(error),
    );
    enter({ name: stateName, attempt });
    return attempt;
  }

  const isCurrent = (attempt: StartAttempt): boolean => 'attempt' in state && state.attempt === attempt;

  function onStarted(attempt: StartAttempt, { connection, list: found }: Started): void {
    const { reason } = attempt;
    // Given up, or lost, in the moment between its success and this.
    if (reason) {
      track(connection.close());
      if (isCurrent(attempt)) tryAgain(reason);
      return;
    }
    const session: MountSession = createMountSession({
      connection,
      clock,
      definition: () => definition,
      onListed,
      onListProblem: (error) => log.add(`The changed list cannot be read: ${error.message}`),
      onUnanswered: () => lose(session, mountError.silent(name)),
      onUnused: () => {
        leave(mountError.stopped(name));
        enter({ name: 'cold' });
      },
    });
    lastProblem = undefined;
    stableTimer = clock.setTimeout(() => {
      restarts = 0;
    }, stableMs);
    logger.info('A mounted server is ready', { server: name, tools: found.tools.length });
    onListed(found);
    enter({ name: 'ready', attempt, session });
    arrivals.arrived(session);
  }

  function onListed(found: ForeignToolList): void {
    list.learn(name, found);
    if (state.name === 'ready') offer();
  }

  function onClosed(attempt: StartAttempt, error: ClientError): void {
    if (!isCurrent(attempt)) return;
    if (state.name !== 'ready') attempt.abort(error);
    else if (error.code === ErrorCode.toolSessionLost) renew(state.session, error);
    else lose(state.session, error);
  }

  /** It has ended, or must, without anybody having wanted it. */
  function lose(session: MountSession, error: ClientError): void {
    if (state.name !== 'ready' || state.session !== session) return;
    leave(error);
    tryAgain(error);
  }

  function tryAgain(error: ClientError): void {
    clock.clearTimeout(stableTimer);
    lastProblem = error;
    failedMs = clock.now();
    log.add(error.message);
    logger.warn('A mounted server does not work', { server: name, code: error.code, problem: error.message });
    restarts += 1;
    const isHopeless = restarts > maxRestarts;
    const stateName = isHopeless ? 'failed' : 'restarting';
    const delayMs = isHopeless
      ? failedRetryMs
      : backoffDelayMs(restarts - 1, { ...backoff, random: parts.random });
    const timer = clock.setTimeout(() => void begin(stateName), delayMs);
    enter({ name: stateName, timer, dueMs: clock.now() + delayMs });
    const told = isHopeless ? mountError.givenUp : mountError.notWorking;
    arrivals.failed(told(name, error, delayMs));
  }

  /** Ends what the present state holds; the caller enters the next one. */
  function leave(reason: ClientError): void {
    clock.clearTimeout(stableTimer);
    if (state.name === 'ready') track(state.session.end(reason));
    else if ('attempt' in state) {
      state.attempt.abort(reason);
      track(state.attempt.ended);
    } else if ('timer' in state) clock.clearTimeout(state.timer);
  }

  function track(ending: Promise<void>): void {
    endings.add(ending);
    const over = () => endings.delete(ending);
    ending.then(over, over);
  }

  async function call(made: MountedCall): Promise<ForeignResult> {
    calls += 1;
    try {
      const result = await callOnceMore(made, await arrivalFor(made));
      if (result.isError) failedCalls += 1;
      return result;
    } catch (thrown) {
      failedCalls += 1;
      throw toClientError(thrown, ErrorCode.toolFailed);
    }
  }

  /** A server that has forgotten the session has not looked at the call: it is made again, once. */
  async function callOnceMore(made: MountedCall, session: MountSession): Promise<ForeignResult> {
    try {
      return await callOn(session, made);
    } catch (thrown) {
      if (toClientError(thrown).code !== ErrorCode.toolSessionLost) throw thrown;
      renew(session, toClientError(thrown));
      return await callOn(await arrivalFor(made), made);
    }
  }

  const callOn = (session: MountSession, { tool, args, context }: MountedCall): Promise<ForeignResult> =>
    session.call(tool, args, {
      signal: context.signal,
      timeoutMs: Math.max(1, context.deadlineMs - clock.now()),
    });

  /** Like `lose`, without delay as far as the budget goes; of several calls only the first comes here in time. */
  function renew(session: MountSession, error: ClientError): void {
    if (restarts >= maxRestarts) {
      lose(session, error);
      return;
    }
    if (state.name !== 'ready' || state.session !== session) return;
    leave(error);
    lastProblem = error;
    restarts += 1;
    begin('restarting');
  }

  /** The session for a call; a server that is not running is started, and a call waits for it a while. */
  function arrivalFor({ mode, context }: MountedCall): Promise<MountSession> {
    if (state.name === 'ready') return Promise.resolve(state.session);
    if (state.name === 'disabled') return Promise.reject(mountError.switchedOff(name));
    if ('dueMs' in state && clock.now() - failedMs >= triedGapMs) {
      clock.clearTimeout(state.timer);
      begin(state.name);
    } else if (state.name === 'failed' && 'dueMs' in state) {
      const leftMs = state.dueMs - clock.now();
      return Promise.reject(mountError.givenUp(name, lastProblem, leftMs));
    }
    if (state.name === 'cold' && definition.start === 'manual')
      return Promise.reject(mountError.notStarted(name));
    if (state.name === 'cold') begin('starting');
    const leftMs = context.deadlineMs - clock.now();
    return arrivals.wait({
      signal: context.signal,
      // Nobody listens to the silence while a background call waits.
      limitMs: mode === 'background' ? leftMs : Math.min(patienceMs, leftMs),
      tooLate: () => mountError.starting(name),
    });
  }

  function status(): MountStatus {
    const connection = state.name === 'ready' ? state.session.connection : undefined;
    return {
      name,
      state: state.name,
      transport: connection?.transport,
      pid: connection?.pid,
      toolCount: list.offered.length,
      restarts,
      nextAttemptInMs: 'dueMs' in state ? Math.max(0, Math.round(state.dueMs - clock.now())) : undefined,
      lastProblem: lastProblem?.message,
      calls,
      failedCalls,
    };
  }

  return {
    get definition() {
      return definition;
    },
    status,
    tools: () => list.offered,
    get isKnown() {
      return list.isKnown;
    },
    logs: () => log.lines(),
    remember(tools) {
      list.remember(tools);
      offer();
    },
    async start() {
      if (state.name !== 'cold') return;
      await begin('starting').result.catch(() => {});
    },
    async restart() {
      if (state.name === 'disabled') throw mountError.switchedOff(name);
      leave(mountError.stopped(name));
      restarts = 0;
      await begin('starting').result;
    },
    enable() {
      if (state.name !== 'disabled') return;
      restarts = 0;
      lastProblem = undefined;
      enter({ name: 'cold' });
    },
    disable() {
      leave(mountError.switchedOff(name));
      enter({ name: 'disabled' });
      arrivals.failed(mountError.switchedOff(name));
    },
    redefine(next) {
      definition = next;
      offer();
    },
    async close() {
      leave(mountError.stopped(name));
      state = { name: 'disabled' };
      arrivals.failed(mountError.stopped(name));
      const limit = new AbortController();
      await Promise.race([Promise.all(endings), wait(clock, closeLimitMs, limit.signal)]);
      limit.abort();
    },
  };
}
