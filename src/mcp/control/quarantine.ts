import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Storage } from '../../ports/storage.ts';
import type { ToolGroup, ToolRegistry } from '../registry.ts';
import { canonicalArguments } from '../task-arguments.ts';
import type { Tool } from '../tool.ts';
import { createKeptRecord } from './kept-record.ts';

/** A tool that is not offered before somebody has read what it says of itself. */
export interface HeldTool {
  readonly tool: Tool;
  /** Name of its group. */
  readonly group: string;
  /** Of what somebody has to have read: an approval of another is none of this one. */
  readonly fingerprint: string;
}

/** Where the tools of a group come from. */
export interface ToolsSource {
  isTrusted(toolName: string): boolean;
  /** What runs the tool, as it is defined: an approval counts for this definition only. */
  definitionOf(toolName: string): unknown;
}

/**
 * Stands before the registry: what a tool says of itself goes to the model, so text of others is offered only when the
 * user trusts its source or has approved this very text. What has been approved survives a restart.
 */
export interface Quarantine {
  /** Publishes those tools of the group that are trusted or approved, and holds the others back. */
  publish(group: ToolGroup, tools: readonly Tool[], source: ToolsSource): void;
  withdraw(groupName: string): void;
  held(): readonly HeldTool[];
  /**
   * Offers the held tools that are meant, and remembers them. Returns those.
   * @throws ClientError STATE_UNWRITABLE; then they stay held
   */
  approve(isMeant: (held: HeldTool) => boolean): Promise<readonly HeldTool[]>;
  /** Takes approvals back, of one tool or of the whole group; counts from the next `publish` on. @throws ClientError STATE_UNWRITABLE */
  forget(groupName: string, toolName?: string): Promise<void>;
}

export interface QuarantineParts {
  readonly storage: Storage;
  readonly registry: Pick<ToolRegistry, 'publish' | 'withdraw'>;
  /** Once for each text that is held back. Must not throw. */
  readonly onHeld: (held: HeldTool) => void;
}

const recordName = 'approved-tools';

/** By group, by tool: fingerprint of what was approved. */
const Approvals = z.record(z.string(), z.record(z.string(), z.string()));
type Approvals = z.output<typeof Approvals>;

interface Published {
  readonly group: ToolGroup;
  readonly tools: readonly Tool[];
  readonly source: ToolsSource;
  /** Fingerprints by name, of tools that are held. */
  readonly held: ReadonlyMap<string, string>;
}

/** Reads what has been approved. A record of an unknown shape counts as none: everything is held back again. */
export async function openQuarantine({ storage, registry, onHeld }: QuarantineParts): Promise<Quarantine> {
  const stored = Approvals.safeParse(await storage.get(recordName));
  const approvals = createKeptRecord(storage, recordName, stored.success ? stored.data : {});
  const groups = new Map<string, Published>();

  function review({ group, tools, source }: Omit<Published, 'held'>): ReadonlyMap<string, string> {
    const approved = approvals.current[group.name] ?? {};
    const prints = tools
      .filter(({ name }) => !source.isTrusted(name))
      .map((tool) => [tool.name, fingerprintOf(tool, source.definitionOf(tool.name))] as const);
    return new Map(prints.filter(([name, print]) => approved[name] !== print));
  }

  function publish(published: Omit<Published, 'held'>): void {
    const { group, tools } = published;
    const before = groups.get(group.name)?.held;
    const held = review(published);
    groups.set(group.name, { ...published, held });
    registry.publish(
      group,
      tools.filter(({ name }) => !held.has(name)),
    );
    for (const tool of tools) {
      const print = held.get(tool.name);
      if (print !== undefined && before?.get(tool.name) !== print)
        onHeld({ tool, group: group.name, fingerprint: print });
    }
  }

  const heldOf = ({ group, tools, held }: Published): readonly HeldTool[] =>
    tools.flatMap((tool) => {
      const fingerprint = held.get(tool.name);
      return fingerprint === undefined ? [] : [{ tool, group: group.name, fingerprint }];
    });

  const republish = (groupName: string): void => {
    const published = groups.get(groupName);
    if (published) publish(published);
  };

  return {
    publish: (group, tools, source) => publish({ group, tools: [...tools], source }),
    withdraw(groupName) {
      groups.delete(groupName);
      registry.withdraw(groupName);
    },
    held: () => [...groups.values()].flatMap(heldOf),
    async approve(isMeant) {
      const meant = [...groups.values()].flatMap(heldOf).filter(isMeant);
      if (meant.length === 0) return [];
      await approvals.change((current) => withApproved(current, meant));
      for (const name of new Set(meant.map(({ group }) => group))) republish(name);
      return meant;
    },
    forget: (groupName, toolName) => approvals.change((current) => without(current, groupName, toolName)),
  };
}

function withApproved(approvals: Approvals, meant: readonly HeldTool[]): Approvals {
  const next = { ...approvals };
  for (const { tool, group, fingerprint } of meant)
    next[group] = { ...next[group], [tool.name]: fingerprint };
  return next;
}

function without(approvals: Approvals, groupName: string, toolName: string | undefined): Approvals {
  const { [groupName]: group = {}, ...others } = approvals;
  if (toolName === undefined) return others;
  const { [toolName]: _, ...rest } = group;
  return { ...others, [groupName]: rest };
}

/**
 * Of everything that the model gets to read, and of what runs it: a record that was left over from another definition approves
 * nothing. The order of members says nothing.
 */
function fingerprintOf({ name, description, inputSchema }: Tool, definition: unknown): string {
  const said = { name, description, inputSchema, definition: definition ?? null };
  return createHash('sha256')
    .update(canonicalArguments(said) ?? JSON.stringify(said))
    .digest('hex');
}
