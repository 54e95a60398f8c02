import { ClientError, ErrorCode } from '../../core/errors.ts';
import {
  type ControlledCall,
  type ControlledTool,
  NotAsShownError,
  type ToolControl,
} from '../../ports/control-api.ts';
import type { AccessList } from '../access-list.ts';
import { Caller } from '../caller.ts';
import type { CallReply, Dispatcher } from '../dispatcher.ts';
import type { ToolRegistry } from '../registry.ts';
import type { Tool, ToolArguments } from '../tool.ts';
import type { Definition, Installs } from './installs.ts';
import type { HeldTool, Quarantine } from './quarantine.ts';

export interface ToolControlParts {
  readonly registry: ToolRegistry;
  readonly access: Pick<AccessList, 'permits'>;
  readonly dispatcher: Dispatcher;
  readonly quarantine: Quarantine;
  readonly installs: Installs;
}

/** The tools as the control API sees them. */
export function createToolControl(parts: ToolControlParts): ToolControl {
  const { registry, access, dispatcher, quarantine, installs } = parts;

  const list = (): readonly ControlledTool[] => [
    ...registry.list().map((tool) => {
      const state = access.permits(tool.name) ? 'offered' : 'denied';
      return shown(tool, registry.groupOf(tool.name) ?? '', state);
    }),
    ...quarantine.held().map(heldTool),
  ];

  function find(name: string): ControlledTool {
    const tool = list().find((one) => one.name === name);
    if (tool) return tool;
    throw unknown(name);
  }

  return {
    list,
    async call(name, args, signal) {
      if (!registry.find(name) && quarantine.held().some(({ tool }) => tool.name === name))
        throw isHeld(name);
      const caller = new Caller();
      const onAbort = () => caller.end('cancelled');
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return callOf(name, await dispatcher.call(name, args as ToolArguments, { channel: 'api', caller }));
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    install: async (definition) => find(await installs.installTool(definition as Definition)),
    remove: (name) => installs.removeTool(name),
    async approve(name, seen) {
      const held = quarantine.held().filter(({ tool }) => tool.name === name);
      if (held.length === 0) return find(name);
      const approved = await quarantine.approve(
        ({ tool, group, fingerprint }) =>
          tool.name === name && group === seen?.group && fingerprint === seen.fingerprint,
      );
      if (approved.length === 0) throw notAsShown(held);
      return find(name);
    },
  };
}

export const heldTool = ({ tool, group, fingerprint }: HeldTool): ControlledTool => ({
  ...shown(tool, group, 'held'),
  fingerprint,
});

export function notAsShown(held: readonly HeldTool[]): NotAsShownError {
  const names = held.map(({ tool }) => tool.name).join(', ');
  return new NotAsShownError(
    held.map(heldTool),
    `What is held is not what was approved. Read it again (${names}), and send its group and fingerprint.`,
  );
}

const isHeld = (name: string): ClientError =>
  new ClientError(
    ErrorCode.toolUnknown,
    `${name} is held back until somebody has read and approved it: mcp approve ${name}`,
  );

function shown(tool: Tool, group: string, state: ControlledTool['state']): ControlledTool {
  const { name, description, inputSchema, source, mode, audience } = tool;
  return { name, description, inputSchema, source, group, mode, audience, state };
}

/** The whole result: programs have no use for a cut. */
function callOf(name: string, reply: CallReply): ControlledCall {
  if (reply.kind === 'failure') throw reply.error;
  if (reply.kind === 'nobody')
    throw new ClientError(ErrorCode.toolCancelled, `The call of ${name} was taken back.`);
  const { output, content } = reply;
  if (output?.kind === 'text') return { status: 'done', output: { kind: 'text', text: output.text } };
  if (output?.kind === 'json') return { status: 'done', output: { kind: 'json', value: output.value } };
  if (output) return { status: 'done', output };
  const [block] = content;
  const told = JSON.parse(block?.type === 'text' ? block.text : '{}') as {
    status: 'started' | 'running';
    task_id: string;
  };
  return { status: told.status, taskId: told.task_id };
}

const unknown = (name: string): ClientError =>
  new ClientError(ErrorCode.notFound, `There is no tool ${name}. /v1/tools has those there are.`);
