import { createHash } from 'node:crypto';
import * as z from 'zod';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ForeignTool, McpServerTarget } from '../../ports/mcp-client.ts';
import type { Storage } from '../../ports/storage.ts';

/** What each server offered when it was last there, so that its tools can be announced before it is. */
export interface ToolListCache {
  /** Undefined when nothing usable is known of this server behind this target. Never rejects. */
  load(server: string, target: McpServerTarget): Promise<readonly ForeignTool[] | undefined>;
  /** Never rejects: a cache that cannot be written is only a slower start. */
  save(server: string, target: McpServerTarget, tools: readonly ForeignTool[]): Promise<void>;
}

const version = 1;
const maxTools = 1000;

const isObjectSchema = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'object';

const recordSchema = z.object({
  version: z.literal(version),
  target: z.string(),
  tools: z
    .array(
      z.object({
        name: z.string().min(1).max(1024),
        description: z.string().max(100_000),
        // Not taken apart: members in another order would be taken for another schema.
        inputSchema: z.custom<ForeignTool['inputSchema']>(isObjectSchema),
      }),
    )
    .max(maxTools),
});

/** One record per server. A damaged one, and one of another target, counts as none. */
export function createToolListCache(storage: Storage, logger: Logger): ToolListCache {
  return {
    async load(server, target) {
      try {
        const record = recordSchema.safeParse(await storage.get(recordName(server)));
        return record.success && record.data.target === fingerprint(target) ? record.data.tools : undefined;
      } catch (thrown) {
        logger.warn('The cached tools of a server cannot be read', { server, problem: messageOf(thrown) });
        return undefined;
      }
    },
    async save(server, target, tools) {
      try {
        await storage.set(recordName(server), { version, target: fingerprint(target), tools });
      } catch (thrown) {
        logger.warn('The tools of a server cannot be cached', { server, problem: messageOf(thrown) });
      }
    },
  };
}

/** Safe as the name of a file; the digest tells servers apart whose names differ in other characters only. */
function recordName(server: string): string {
  return `tools-${server.replace(/[^A-Za-z0-9_-]/gu, '_').slice(0, 40)}-${digestOf(server).slice(0, 12)}`;
}

/** Tells whether the tools may be those of another server. Values of variables and headers, where secrets are, take no part. */
function fingerprint(target: McpServerTarget): string {
  if (target.type === 'stdio') {
    const { command, args, env, cwd } = target;
    return digestOf(JSON.stringify(['stdio', command, args, Object.keys(env).sort(), cwd]));
  }
  const { url, headers, transport } = target;
  return digestOf(JSON.stringify(['http', url, Object.keys(headers).sort(), transport]));
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
