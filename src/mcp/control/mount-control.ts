import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { ControlledMount, MountControl } from '../../ports/control-api.ts';
import { type Mounts, mountGroupName } from '../mounts/mounts.ts';
import type { Definition, Installs } from './installs.ts';
import type { HeldTool, Quarantine } from './quarantine.ts';
import { notAsShown } from './tool-control.ts';

export interface MountControlParts {
  readonly mounts: Pick<Mounts, 'statuses' | 'restart' | 'enable' | 'disable' | 'logs'>;
  readonly quarantine: Quarantine;
  readonly installs: Installs;
}

/** The mounted servers as the control API sees them. */
export function createMountControl({ mounts, quarantine, installs }: MountControlParts): MountControl {
  const list = (): readonly ControlledMount[] =>
    mounts.statuses().map((status) => ({
      ...status,
      origin: installs.originOf(status.name) === 'installed' ? 'installed' : 'configuration',
      held: quarantine
        .held()
        .filter(({ group }) => group === mountGroupName(status.name))
        .map(({ tool }) => tool.name),
    }));

  function find(name: string): ControlledMount {
    const mount = list().find((one) => one.name === name);
    if (mount) return mount;
    const names = list().map((one) => one.name);
    throw new ClientError(
      ErrorCode.notFound,
      `There is no MCP server ${name}; ${names.length === 0 ? 'none is mounted' : `there are ${names.join(', ')}`}.`,
    );
  }

  const changed = async (name: string, change: () => unknown): Promise<ControlledMount> => {
    find(name);
    await change();
    return find(name);
  };

  return {
    list,
    async add(name, definition) {
      const taken = list().some((one) => one.name === name);
      if (taken)
        throw new ClientError(ErrorCode.conflict, `There is an MCP server ${name} already. Remove it first.`);
      await installs.installMount(name, definition as Definition);
      return find(name);
    },
    async remove(name) {
      if (installs.originOf(name) !== 'unusable') find(name);
      await installs.removeMount(name);
    },
    restart: (name) => changed(name, () => mounts.restart(name)),
    enable: (name) => changed(name, () => mounts.enable(name)),
    disable: (name) => changed(name, () => mounts.disable(name)),
    approve: (name, seen) =>
      changed(name, async () => {
        const isOfIt = ({ group }: HeldTool) => group === mountGroupName(name);
        const isSeen = ({ tool, fingerprint }: HeldTool) =>
          Object.hasOwn(seen, tool.name) && seen[tool.name] === fingerprint;
        const unseen = quarantine.held().filter((one) => isOfIt(one) && !isSeen(one));
        if (unseen.length > 0) throw notAsShown(unseen);
        await quarantine.approve((one) => isOfIt(one) && isSeen(one));
      }),
    async logs(name) {
      find(name);
      return await Promise.resolve(mounts.logs(name));
    },
  };
}
