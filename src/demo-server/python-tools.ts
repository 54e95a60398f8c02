import { z } from 'zod';
import type { Logger } from '../core/logger.ts';
import type { McpSession, ToolAnswer } from './mcp-session.ts';
import { sanitised } from './python-texts.ts';
import { replyTo, replyWithoutTools } from './reply.ts';
import { phrases } from './text-command.ts';

const callResult = z.looseObject({
  content: z.array(z.looseObject({ text: z.unknown().optional() })),
  isError: z.boolean().nullish(),
});

/** The Python server reads the first text only, and of a result that is an error nothing at all (servers.md 1.10). */
export function readFirstText(result: unknown): ToolAnswer {
  const parsed = callResult.safeParse(result);
  if (!parsed.success) return { ok: true, text: JSON.stringify(result) ?? '' };
  if (parsed.data.isError) return { ok: false, reason: '未提供具体错误信息' };
  const [first] = parsed.data.content;
  return { ok: true, text: typeof first?.text === 'string' ? first.text : JSON.stringify(first ?? '') };
}

export interface PythonTools {
  /** A tool answered with an empty text: no model request succeeds any more (servers.md 7). */
  readonly broken: boolean;
  /** With the tools as they are known at this moment. */
  reply(text: string): string | Promise<string>;
}

/** @param onCall gets the name that the model uses, when it calls */
export function createPythonTools(
  session: () => McpSession | undefined,
  logger: Logger,
  onCall: (tool: string) => void,
): PythonTools {
  let broken = false;

  async function call(mcp: McpSession, tool: string, args: Readonly<Record<string, unknown>>) {
    const known = mcp.tools.find(({ name }) => name === tool || sanitised(name) === tool);
    if (!known) return phrases.unknownTool(tool);
    onCall(sanitised(known.name));
    const result = await mcp.call(known.name, args);
    logger.info('tool answered', { tool, ok: result.ok, private: result });
    if (!result.ok) return `MCP错误: ${result.reason}`;
    if (result.text === '') broken = true;
    return phrases.toolAnswered(result.text);
  }

  return {
    get broken() {
      return broken;
    },
    reply(text) {
      const mcp = session();
      if (!mcp?.listed) return replyWithoutTools(text, mcp);
      return replyTo(text, {
        describe: () => phrases.tools(mcp.tools),
        call: (tool, args) => call(mcp, tool, args),
      });
    },
  };
}
