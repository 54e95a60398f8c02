import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { createRateLimiter } from '../../core/rate-limit.ts';
import type { ForeignTool, ForeignToolList } from '../../ports/mcp-client.ts';
import type { MountedServerDefinition } from '../../ports/mounted-server.ts';
import type { Tool } from '../tool.ts';
import type { MountLog } from './mount-log.ts';
import { type CallMounted, createMountedTools } from './mounted-tools.ts';

export interface MountListParts {
  readonly call: CallMounted;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly log: MountLog;
  readonly listener: {
    /** Something else is offered than before. */
    onTools(): void;
    /** The server has told something new. */
    onListed(tools: readonly ForeignTool[]): void;
  };
}

/** What a server is known to have, and what of it is offered. */
export interface MountList {
  readonly offered: readonly Tool[];
  /** The server, or the cache, has told what it has. */
  readonly isKnown: boolean;
  /** From the cache; what the server itself has told is not replaced by it. */
  remember(tools: readonly ForeignTool[]): void;
  /** What the server tells. */
  learn(server: string, list: ForeignToolList): void;
  /** Brings `offered` up to date. */
  offer(definition: MountedServerDefinition, how: 'shown' | 'hidden'): void;
}

const faultsAgainMs = 60_000;

export function createMountList({ call, clock, logger, log, listener }: MountListParts): MountList {
  const mounted = createMountedTools(call);
  const warnings = createRateLimiter(clock, { perKeyMs: faultsAgainMs });
  let known: readonly ForeignTool[] = [];
  let source: 'nobody' | 'cache' | 'server' = 'nobody';
  let offered: readonly Tool[] = [];
  let lastFaults = '';

  function report(server: string, faults: readonly string[]): void {
    if (faults.join() === lastFaults) return;
    lastFaults = faults.join();
    for (const fault of faults) log.add(fault);
    if (faults.length > 0 && warnings.allow(server).allowed)
      logger.warn('Some tools of a mounted server cannot be offered', { server, faults });
  }

  return {
    get offered() {
      return offered;
    },
    get isKnown() {
      return source !== 'nobody';
    },
    remember(tools) {
      if (source !== 'nobody') return;
      known = tools;
      source = 'cache';
    },
    learn(server, { tools, faults }) {
      report(server, faults);
      const isNew = source === 'nobody' || JSON.stringify(tools) !== JSON.stringify(known);
      source = 'server';
      if (!isNew) return;
      known = tools;
      listener.onListed(tools);
    },
    offer(definition, how) {
      const tools = how === 'hidden' ? [] : mounted.update(definition, known);
      const isSame = tools.length === offered.length && tools.every((tool, at) => tool === offered[at]);
      offered = tools;
      if (!isSame) listener.onTools();
    },
  };
}
