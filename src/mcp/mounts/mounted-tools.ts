import { defaultToolTimeoutMs } from '../../core/tool-time-limits.ts';
import type { ForeignResult, ForeignTool } from '../../ports/mcp-client.ts';
import type { MountedServerDefinition } from '../../ports/mounted-server.ts';
import { withOriginal } from '../ascii-names.ts';
import type { Tool, ToolArguments, ToolMode, ToolRunContext } from '../tool.ts';
import { mountedName } from './mounted-names.ts';
import { mountedOutput } from './mounted-output.ts';

/** A call of one tool of the server. Rejects with a ClientError whose message can be spoken. */
export type CallMounted = (call: MountedCall) => Promise<ForeignResult>;

export interface MountedCall {
  /** As the server names it. */
  readonly tool: string;
  readonly mode: ToolMode;
  readonly args: ToolArguments;
  readonly context: ToolRunContext;
}

/** The tools of a foreign server as tools of ours. */
export interface MountedTools {
  /**
   * In the order of the names that the server gives them. A tool that is the same as before stays the same object, so that
   * nobody is told of a change. Of tools with one name the first counts.
   */
  update(definition: MountedServerDefinition, listed: readonly ForeignTool[]): readonly Tool[];
}

export function createMountedTools(call: CallMounted): MountedTools {
  let known = new Map<string, Tool>();
  return {
    update(definition, listed) {
      const next = new Map<string, Tool>();
      for (const foreign of unique(listed)) {
        if (overrideOf(definition, foreign.name)?.enable === false) continue;
        const described = describe(definition, foreign);
        const key = JSON.stringify([foreign.name, described]);
        next.set(key, known.get(key) ?? { ...described, run: runner(foreign.name, described.mode, call) });
      }
      known = next;
      return [...next.values()];
    },
  };
}

function unique(listed: readonly ForeignTool[]): readonly ForeignTool[] {
  const byName = new Map<string, ForeignTool>();
  for (const tool of listed) if (!byName.has(tool.name)) byName.set(tool.name, tool);
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What the user says of the tool comes before what is said of the server. */
function describe(definition: MountedServerDefinition, foreign: ForeignTool): Omit<Tool, 'run'> {
  const { policy } = definition;
  const own = overrideOf(definition, foreign.name) ?? {};
  const mode = own.mode ?? policy.mode;
  return {
    name: own.alias ?? mountedName(definition.name, foreign.name),
    description: own.description ?? describedWithName(definition.name, foreign, own.alias),
    inputSchema: foreign.inputSchema,
    audience: own.audience ?? policy.audience,
    source: 'mounted',
    mode,
    timeoutMs: own.timeoutMs ?? policy.timeoutMs ?? defaultToolTimeoutMs[mode],
    handoffMs: own.handoffMs ?? policy.handoffMs,
    maxResultBytes: own.maxResultBytes ?? policy.maxResultBytes,
    idempotent: own.idempotent ?? policy.idempotent,
    parallel: own.parallel ?? policy.parallel,
  };
}

/** A name that lost its letters is said in the description: a model knows the tool by what it is called. */
function describedWithName(
  server: string,
  { name, description }: ForeignTool,
  alias: string | undefined,
): string {
  const isKept = alias !== undefined || !/\P{ASCII}/u.test(name);
  return isKept || mountedName(server, name).endsWith(name) ? description : withOriginal(name, description);
}

function overrideOf({ tools }: MountedServerDefinition, name: string) {
  return Object.hasOwn(tools, name) ? tools[name] : undefined;
}

function runner(tool: string, mode: ToolMode, call: CallMounted): Tool['run'] {
  return async (args, context) => mountedOutput(await call({ tool, mode, args, context }));
}
