import * as z from 'zod';
import type { Logger } from '../core/logger.ts';
import type { AccessList } from './access-list.ts';
import { Caller } from './caller.ts';
import type { CallReply, Dispatcher } from './dispatcher.ts';
import { argumentsIn, type RequestId, rpcErrorCode } from './normalise.ts';
import type { ToolRegistry } from './registry.ts';
import { contentOf, pictureBeside, rpcErrorOf, saidForNothing, saysNothing } from './result.ts';
import { firstCharacters, maxStoredCharacters, outputText } from './task-text.ts';

export interface TunnelServerOptions {
  readonly registry: Pick<ToolRegistry, 'list'>;
  /** What the user lets the tunnel see at all; the other end approves among these. */
  readonly access: Pick<AccessList, 'permits'>;
  readonly dispatcher: Pick<Dispatcher, 'call'>;
  /** In events, and with tasks: `tunnel`. */
  readonly channel: string;
  /** What the capability report says besides the tools. */
  readonly report: Readonly<Record<'audio' | 'host' | 'version', unknown>>;
  readonly replyWithinMs: number;
  /** `false`: what is handed over is kept to be read and not announced here. */
  readonly announce?: boolean;
  readonly logger: Logger;
  /** Hands one object to the tunnel; false when it is gone. Must not throw. */
  send(payload: unknown): boolean;
}

/** The tools at one tunnel that is connected. Its methods never throw. */
export interface TunnelServer {
  /** One message of the other end, unchecked. */
  receive(message: Readonly<Record<string, unknown>>): void;
  /** Sends the capability report when it is not what was reported last. */
  report(): void;
  /** Undefined before the other end has said which. */
  readonly approvedTools: number | undefined;
  /** Nothing is sent any more; results of running calls become mail. Idempotent. */
  close(): Promise<void>;
}

const maxApprovedTools = 10_000;
const toolName = z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]);
const ApprovedTools = z.object({ tools: z.array(toolName).max(maxApprovedTools) });
/** A call without an id is answered, too: with null for the id. */
const Request = z.object({
  id: z
    .union([z.string(), z.number()])
    .nullish()
    .catch(null)
    .transform((id) => id ?? null),
  method: z.string(),
});
const CallParams = z.object({
  tool: z.string(),
  args: z.unknown().optional(),
});

/**
 * The far end's view of the tools: `capability_report` tells all, `approved_tools` says which may be called (none before),
 * `tool_call` calls one. Results are MCP's content blocks, cut at 50 000 characters and not at the length a voice takes.
 */
export function createTunnelServer(options: TunnelServerOptions): TunnelServer {
  const { registry, access, dispatcher, channel, replyWithinMs, logger, send } = options;
  const callers = new Set<Caller>();
  let approved: ReadonlySet<string> | undefined;
  let reported = '';
  let gone = false;

  const permits = (name: string): boolean => (approved?.has(name) ?? false) && access.permits(name);

  function approve(message: unknown): void {
    const parsed = ApprovedTools.safeParse(message);
    if (parsed.success) approved = new Set(parsed.data.tools);
    else logger.warn('A list of approved tools cannot be read; the one before stays', { channel });
  }

  function answerRequest(message: Readonly<Record<string, unknown>>): void {
    const request = Request.safeParse(message);
    if (!request.success) return;
    const { id, method } = request.data;
    if (method === 'ping') send({ jsonrpc: '2.0', id, result: {} });
    else if (method === 'tool_call') void call(id, message.params);
    else refuse(id, rpcErrorCode.methodNotFound, `Method not implemented: ${method.slice(0, 100)}`);
  }

  const refuse = (id: RequestId | null, code: number, message: string): boolean =>
    send({ jsonrpc: '2.0', id, error: { code, message } });

  async function call(id: RequestId | null, params: unknown): Promise<void> {
    const parsed = CallParams.safeParse(params);
    const args = argumentsIn(parsed.data?.args);
    if (!parsed.success || !args) {
      refuse(id, rpcErrorCode.invalidParams, 'params must be {"tool": NAME, "args": {…}}');
      return;
    }
    const caller = new Caller();
    callers.add(caller);
    const { tool } = parsed.data;
    const reply = await dispatcher.call(tool, args, {
      channel,
      caller,
      replyWithinMs,
      permits,
      announce: options.announce,
    });
    callers.delete(caller);
    if (reply.kind === 'nobody') return;
    if (reply.kind === 'failure') {
      const { code, message } = rpcErrorOf(reply.error);
      if (!gone) refuse(id, code, message);
    } else if (gone || !send({ jsonrpc: '2.0', id, result: resultOf(reply) })) reply.lost();
  }

  return {
    receive(message) {
      if (gone) return;
      if (message.type === 'ping') send({ type: 'pong' });
      else if (message.type === 'approved_tools') approve(message);
      else if (message.jsonrpc === '2.0') answerRequest(message);
    },
    report() {
      const tools = registry
        .list()
        .filter(({ name }) => access.permits(name))
        .map(({ name, description, inputSchema, audience }) => ({
          name,
          description,
          inputSchema,
          audience,
        }));
      const report = { type: 'capability_report', tools, ...options.report };
      const text = JSON.stringify(report);
      if (!gone && text !== reported && send(report)) reported = text;
    },
    get approvedTools() {
      return approved?.size;
    },
    close() {
      gone = true;
      for (const caller of callers) caller.end('gone');
      return Promise.resolve();
    },
  };
}

/** Text is cut between characters; `output` is it once more, marked where it is cut. A picture is sent whole, as half of it is of no use. */
function resultOf({ content, output }: Extract<CallReply, { kind: 'content' }>) {
  if (!output) {
    const [block] = content;
    return { content, isError: false, ...(block?.type === 'text' && { output: block.text }) };
  }
  if (output.kind === 'image') {
    const picture = contentOf(output, Number.POSITIVE_INFINITY, () => undefined);
    return { content: picture, isError: false, output: outputText(output) };
  }
  const whole = saysNothing(output) ? saidForNothing : outputText(output);
  const text = firstCharacters(whole, maxStoredCharacters);
  const cut = text.length < whole.length && { truncated: true, originalLength: whole.length };
  const marked = cut ? `${text}…[${text.length} of ${whole.length} characters]` : text;
  return {
    content: [{ type: 'text', text }, ...pictureBeside(output)],
    isError: false,
    output: marked,
    ...cut,
  };
}
