import type { Tool } from '../../mcp/tool.ts';
import type { ToolDefinition } from '../../ports/tool-definition.ts';
import type { RunnerDeps, ToolRunner } from './runner.ts';
import { createToolRunner } from './runners.ts';

/** The tools of the configuration, ready to be published; they follow it while the device runs. */
export interface ConfiguredTools {
  /**
   * The tools for these definitions, in their order. A definition that has not changed keeps its tool and connections;
   * calls of a tool that is gone or changed finish with what they began with.
   */
  update(definitions: readonly ToolDefinition[]): readonly Tool[];
  /** Ends all calls and connections; resolves when nothing is left. */
  dispose(): Promise<void>;
}

interface Entry {
  readonly tool: Tool;
  readonly runner: ToolRunner;
  calls: number;
  retired: boolean;
}

export function createConfiguredTools(deps: RunnerDeps): ConfiguredTools {
  let offered = new Map<string, Entry>();
  /** Every runner that is not disposed of yet, retired ones included. */
  const entries = new Set<Entry>();

  const disposeOf = async (entry: Entry) => {
    await entry.runner.dispose();
    entries.delete(entry);
  };
  const create = (definition: ToolDefinition): Entry => {
    const entry = createEntry(definition, deps, (idle) => {
      if (idle.retired) void disposeOf(idle);
    });
    entries.add(entry);
    return entry;
  };
  return {
    update(definitions) {
      const next = new Map<string, Entry>();
      for (const definition of definitions) {
        const key = JSON.stringify(definition);
        next.set(key, offered.get(key) ?? create(definition));
      }
      for (const [key, entry] of offered) {
        if (next.has(key)) continue;
        entry.retired = true;
        if (entry.calls === 0) void disposeOf(entry);
      }
      offered = next;
      return [...next.values()].map(({ tool }) => tool);
    },
    async dispose() {
      await Promise.all([...entries].map(disposeOf));
    },
  };
}

function createEntry(definition: ToolDefinition, deps: RunnerDeps, onIdle: (entry: Entry) => void): Entry {
  const { target: _, ...description } = definition;
  const runner = createToolRunner(definition, deps);
  const entry: Entry = {
    runner,
    calls: 0,
    retired: false,
    tool: {
      ...description,
      source: 'custom',
      run: async (args, context) => {
        entry.calls += 1;
        try {
          return await runner.run(args, context);
        } finally {
          entry.calls -= 1;
          if (entry.calls === 0) onIdle(entry);
        }
      },
    },
  };
  return entry;
}
