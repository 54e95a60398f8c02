import type { Tool, ToolSource } from './tool.ts';

/** A group of tools that comes and goes together: the built-in ones, the configured ones, one mounted server. */
export interface ToolGroup {
  readonly source: ToolSource;
  /** Unique among all groups. */
  readonly name: string;
  /** Position in the configuration, within the source; never the order in which servers happened to start. */
  readonly position: number;
}

/** A tool that cannot be offered because another has its name. */
export interface ToolCollision {
  readonly name: string;
  readonly group: string;
  /** The tool that is offered; its name differs when only the folded names are equal. */
  readonly winner: string;
  readonly winnerGroup: string;
}

export interface RegistryEvent {
  readonly type: 'tool.installed' | 'tool.updated' | 'tool.removed';
  readonly tool: Tool;
  /** Name of the group that offers it, or did until now. */
  readonly group: string;
}

export interface ToolRegistry {
  /** Replaces the tools of a group; calls that run finish with the tool they began with. */
  publish(group: ToolGroup, tools: readonly Tool[]): void;
  withdraw(groupName: string): void;
  /** Offered tools, in an order that depends on the configuration only. */
  list(): readonly Tool[];
  find(name: string): Tool | undefined;
  /** Name of the group that offers the tool of this name. */
  groupOf(name: string): string | undefined;
  collisions(): readonly ToolCollision[];
  /** Told after the change, in the order of the list. Returns the unsubscription. Listeners must not throw. */
  subscribe(listener: (event: RegistryEvent) => void): () => void;
}

const rank: Readonly<Record<ToolSource, number>> = { builtin: 0, custom: 1, mounted: 2 };

interface Offer {
  readonly tool: Tool;
  readonly group: string;
}

interface View {
  readonly byName: ReadonlyMap<string, Offer>;
  readonly list: readonly Tool[];
  readonly collisions: readonly ToolCollision[];
}

/** What all channels offer. Built-in before configured before mounted; the first of a name wins and the others are reported. */
export function createToolRegistry(): ToolRegistry {
  const groups = new Map<string, { readonly group: ToolGroup; readonly tools: readonly Tool[] }>();
  const listeners = new Set<(event: RegistryEvent) => void>();
  let view: View = { byName: new Map(), list: [], collisions: [] };

  function rebuild(): void {
    const before = view;
    const ordered = [...groups.values()].sort(
      ({ group: a }, { group: b }) =>
        rank[a.source] - rank[b.source] || a.position - b.position || (a.name < b.name ? -1 : 1),
    );
    view = viewOf(ordered);
    const events = [...differences(before, view)];
    for (const listener of [...listeners]) for (const event of events) listener(event);
  }

  return {
    publish(group, tools) {
      groups.set(group.name, { group, tools: [...tools] });
      rebuild();
    },
    withdraw(groupName) {
      if (groups.delete(groupName)) rebuild();
    },
    list: () => view.list,
    find: (name) => view.byName.get(name)?.tool,
    groupOf: (name) => view.byName.get(name)?.group,
    collisions: () => view.collisions,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What servers make of a name before a model sees it; tools equal in this shadow each other there (servers.md 1.10). */
export function foldedName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_\-\u4e00-\u9fff]/g, '_');
}

function viewOf(ordered: Iterable<{ readonly group: ToolGroup; readonly tools: readonly Tool[] }>): View {
  const winners = new Map<string, Offer>();
  const collisions: ToolCollision[] = [];
  for (const { group, tools } of ordered) {
    for (const tool of tools) {
      const folded = foldedName(tool.name);
      const winner = winners.get(folded);
      if (winner) {
        collisions.push({
          name: tool.name,
          group: group.name,
          winner: winner.tool.name,
          winnerGroup: winner.group,
        });
      } else winners.set(folded, { tool, group: group.name });
    }
  }
  const offers = [...winners.values()];
  return {
    byName: new Map(offers.map((offer) => [offer.tool.name, offer])),
    list: offers.map(({ tool }) => tool),
    collisions,
  };
}

function* differences(before: View, after: View): Generator<RegistryEvent> {
  for (const [name, { tool, group }] of before.byName)
    if (!after.byName.has(name)) yield { type: 'tool.removed', tool, group };
  for (const [name, { tool, group }] of after.byName) {
    const old = before.byName.get(name)?.tool;
    if (!old) yield { type: 'tool.installed', tool, group };
    else if (old !== tool) yield { type: 'tool.updated', tool, group };
  }
}
