import { ClientError, ErrorCode, messageOf, toClientError } from '../../core/errors.ts';
import type { MountedServerDefinition } from '../../ports/mounted-server.ts';
import type { ToolDefinition } from '../../ports/tool-definition.ts';
import type { ToolGroup, ToolRegistry } from '../registry.ts';
import type { Tool } from '../tool.ts';
import type { Installed } from './installed.ts';
import type { Quarantine } from './quarantine.ts';

/** Behind all that the configuration file has, which wins. */
export const installedToolGroup: ToolGroup = { source: 'custom', name: 'installed', position: 100 };
const firstMountPosition = 1_000_000;

export interface InstallsParts {
  readonly records: Installed;
  readonly quarantine: Quarantine;
  readonly registry: Pick<ToolRegistry, 'groupOf' | 'list'>;
  /** @throws ClientError CONFIG_INVALID */
  readTool(raw: Definition): ToolDefinition;
  /** The tools for these definitions, in their order; those that have not changed stay what they are. */
  toolsOf(definitions: readonly ToolDefinition[]): readonly Tool[];
  /** @throws ClientError CONFIG_INVALID */
  readMount(name: string, raw: Definition, position: number): MountedServerDefinition;
  readonly mounts: {
    add(definition: MountedServerDefinition): Promise<void>;
    remove(name: string): Promise<void>;
  };
  /** A kept entry cannot be used any more; it is skipped. Must not throw. */
  readonly onProblem: (error: ClientError) => void;
}

/** As it came over the API: members of the configuration, and `trusted`. */
export type Definition = Readonly<Record<string, unknown>>;

/** What is added to the device while it runs, and is there again after a restart. */
export interface Installs {
  /** Offers what is kept; a damaged entry is reported and skipped. */
  start(): Promise<void>;
  /** Where the mount of this name is from; `unusable`: one is kept that could not be mounted. */
  originOf(name: string): 'configuration' | 'installed' | 'unusable';
  /** @throws ClientError CONFIG_INVALID, CONFLICT, TOOL_BUSY, STATE_UNWRITABLE */
  installTool(raw: Definition): Promise<string>;
  /** @throws ClientError NOT_FOUND, CONFLICT when it was not installed, STATE_UNWRITABLE */
  removeTool(name: string): Promise<void>;
  /** @throws ClientError as `installTool` */
  installMount(name: string, raw: Definition): Promise<void>;
  /** @throws ClientError CONFLICT when it was not installed, STATE_UNWRITABLE */
  removeMount(name: string): Promise<void>;
}

export function createInstalls(parts: InstallsParts): Installs {
  const { records, quarantine, registry, mounts, onProblem } = parts;
  /** Kept mounts that could be mounted; another may have the name of one that could not. */
  const mounted = new Set<string>();

  async function mount(name: string, definition: MountedServerDefinition): Promise<void> {
    await mounts.add(definition);
    mounted.add(name);
  }

  const usable = <Value>(what: string, read: () => Value): Value | undefined => {
    try {
      return read();
    } catch (thrown) {
      onProblem(unusable(what, thrown));
      return undefined;
    }
  };

  function publishTools(): void {
    const entries = Object.entries(records.entries('tools')) as [string, Definition][];
    const trusted = new Set(entries.filter(([, raw]) => raw?.trusted === true).map(([name]) => name));
    const definitions = entries.flatMap(
      ([name, raw]) => usable(`tool ${name}`, () => readTool(parts, raw)) ?? [],
    );
    quarantine.publish(installedToolGroup, parts.toolsOf(definitions), {
      isTrusted: (name) => trusted.has(name),
      definitionOf: (name) => records.entries('tools')[name],
    });
  }

  async function startMounts(): Promise<void> {
    const entries = Object.entries(records.entries('mounts')) as [string, Definition][];
    for (const [index, [name, raw]] of entries.entries()) {
      const definition = usable(`mount ${name}`, () => readMount(parts, name, raw, index));
      if (definition)
        await mount(name, definition).catch((thrown: unknown) =>
          onProblem(unusable(`mount ${name}`, thrown)),
        );
    }
  }

  /** Servers make "_" of ".": to a model a twin would be the tool itself. */
  function refuseTwin(name: string): void {
    const others = [...registry.list(), ...quarantine.held().map(({ tool }) => tool)];
    const kept = Object.keys(records.entries('tools')).map((other) => ({ name: other }));
    for (const other of [...others, ...kept]) {
      const group = registry.groupOf(other.name) ?? heldIn(other.name) ?? installedToolGroup.name;
      const isItself = other.name === name && group === installedToolGroup.name;
      if (!isItself && folded(other.name) === folded(name)) throw nameTaken(name, other.name, group);
    }
  }

  const heldIn = (name: string): string | undefined =>
    quarantine.held().find(({ tool }) => tool.name === name)?.group;

  return {
    async start() {
      publishTools();
      await startMounts();
    },
    originOf(name) {
      if (mounted.has(name)) return 'installed';
      return Object.hasOwn(records.entries('mounts'), name) ? 'unusable' : 'configuration';
    },
    async installTool(raw) {
      const { name } = readTool(parts, raw);
      refuseTwin(name);
      await records.put('tools', name, raw);
      // What it does may be another thing under the same description.
      await quarantine.forget(installedToolGroup.name, name);
      publishTools();
      return name;
    },
    async removeTool(name) {
      if (!(await records.remove('tools', name))) throw notInstalled(name, registry.groupOf(name));
      await quarantine.forget(installedToolGroup.name, name);
      publishTools();
    },
    async installMount(name, raw) {
      const index = Object.keys(records.entries('mounts')).length;
      await mount(name, readMount(parts, name, raw, index));
      try {
        await records.put('mounts', name, raw);
      } catch (thrown) {
        mounted.delete(name);
        await mounts.remove(name);
        throw thrown;
      }
    },
    async removeMount(name) {
      if (!(await records.remove('mounts', name))) throw notInstalled(name, 'configuration');
      if (mounted.delete(name)) await mounts.remove(name);
      await quarantine.forget(`mount:${name}`);
    },
  };
}

function readTool({ readTool: read }: InstallsParts, raw: Definition): ToolDefinition {
  const { trusted: _, ...definition } = objectOf(raw);
  return read(definition);
}

/** Not trusted unless it says so: other than what is in the configuration file, nobody has written it by hand. */
function readMount(
  { readMount: read }: InstallsParts,
  name: string,
  raw: Definition,
  index: number,
): MountedServerDefinition {
  return read(name, { trusted: false, ...objectOf(raw) }, firstMountPosition + index);
}

function objectOf(raw: unknown): Definition {
  if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) return raw as Definition;
  throw new ClientError(ErrorCode.configInvalid, 'It must be an object.');
}

function unusable(what: string, thrown: unknown): ClientError {
  return new ClientError(
    toClientError(thrown).code,
    `The installed ${what} cannot be used any more: ${messageOf(thrown)} Remove it, or install it anew.`,
    { cause: thrown },
  );
}

const folded = (name: string): string => name.replaceAll('.', '_');

const nameTaken = (name: string, other: string, group: string): ClientError =>
  new ClientError(
    ErrorCode.conflict,
    name === other
      ? `There is a tool ${name} already (${group}). Choose another name.`
      : `There is a tool ${other} already (${group}), and to a server ${name} is the same. Choose another name.`,
  );

function notInstalled(name: string, group: string | undefined): ClientError {
  return group === undefined
    ? new ClientError(ErrorCode.notFound, `There is no ${name}.`)
    : new ClientError(
        ErrorCode.conflict,
        `${name} was not installed over the API (${group}); remove it where it is configured.`,
      );
}
