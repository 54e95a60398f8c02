import { assertNever } from '../core/exhaustive.ts';
import type { Logger } from '../core/logger.ts';
import type { McpSession } from './mcp-session.ts';
import { parseTextCommand, phrases, type TextCommand, taskText } from './text-command.ts';

/** What a model may do with the device. */
export interface Toolbox {
  /** A sentence about the tools there are. */
  describe(): string;
  /** What is said about the result. Never rejects. */
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<string>;
}

/** What the server says to a text. It never rejects unless the toolbox does. */
export function replyTo(text: string, tools: Toolbox): string | Promise<string> {
  const command = parseTextCommand(text);
  switch (command.type) {
    case 'echo':
      return phrases.echo(command.text);
    case 'help':
      return phrases.help;
    case 'tools':
      return tools.describe();
    case 'call':
      return tools.call(command.tool, command.args);
    case 'unclear':
      return command.hint;
    case 'notice':
      return command.facts;
    case 'cue':
      return readTasks(command, tools);
    default:
      return assertNever(command);
  }
}

async function readTasks(
  { taskIds, preface }: Extract<TextCommand, { type: 'cue' }>,
  tools: Toolbox,
): Promise<string> {
  const results = await Promise.all(
    taskIds.map(async (id) => taskText(await tools.call('self.tasks.read', { task_id: id }))),
  );
  const said = results.join(' ');
  return preface === undefined ? said : `${preface}: ${said}`;
}

/** The tools of a device that has some. */
export function toolboxOf(mcp: McpSession, logger: Logger): Toolbox {
  return {
    describe: () => (mcp.tools.length > 0 ? phrases.tools(mcp.tools) : phrases.noTools),
    async call(tool, args) {
      const result = await mcp.call(tool, args);
      logger.info('tool answered', { tool, ok: result.ok, private: result });
      return result.ok ? phrases.toolAnswered(result.text) : phrases.toolFailed(tool, result.reason);
    },
  };
}

/** A device without tools. */
export const noToolbox: Toolbox = {
  describe: () => phrases.noTools,
  call: () => Promise.resolve(phrases.noTools),
};

/** A device without tools that are known. */
const unknownTools: Toolbox = {
  describe: () => phrases.noTools,
  call: (tool) => Promise.resolve(phrases.unknownTool(tool)),
};

/** As a model answers that was asked without the tools; the answer says so where the device has some. */
export async function replyWithoutTools(text: string, mcp: McpSession | undefined): Promise<string> {
  return mcp ? phrases.withoutTools(await replyTo(text, unknownTools)) : replyTo(text, noToolbox);
}

/** With the tools as they are known at this moment: before the last page has come there are none. */
export function replyWithKnownTools(
  text: string,
  mcp: McpSession | undefined,
  logger: Logger,
): string | Promise<string> {
  return mcp?.listed ? replyTo(text, toolboxOf(mcp, logger)) : replyWithoutTools(text, mcp);
}
