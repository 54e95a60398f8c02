import { z } from '@hono/zod-openapi';
import type {
  AccessPointReport,
  ControlledCall,
  ControlledMount,
  ControlledTask,
  ControlledTaskResult,
  ControlledTool,
  DeviceReport,
} from '../../ports/control-api.ts';

// Bodies of requests and answers. The document is made of these, and the compiler holds them to the ports.

const anyObject = z.record(z.string(), z.unknown());
const name = z
  .string()
  .min(1)
  .max(200)
  // The one name that no record in JSON keeps.
  .refine((text) => text !== '__proto__', 'must be another');

export const Failure = z
  .object({ error: z.object({ code: z.string(), message: z.string() }) })
  .openapi('Failure');

export const Health = z.object({ status: z.literal('ok') }).openapi('Health');

export const Device = z
  .object({
    state: z.enum([
      'starting',
      'activating',
      'idle',
      'connecting',
      'listening',
      'thinking',
      'speaking',
      'announcing',
      'recovering',
    ]),
    version: z.string(),
    uptimeMs: z.number(),
    volumePercent: z.number(),
    muted: z.boolean(),
    microphoneMuted: z.boolean(),
    mode: z.enum(['auto', 'manual', 'realtime']),
    tools: z.object({ offered: z.int(), held: z.int() }),
    controlPort: z.int().optional(),
  })
  .openapi('Device') satisfies z.ZodType<DeviceReport>;

export const Tool = z
  .object({
    name: z.string(),
    description: z.string(),
    inputSchema: anyObject,
    source: z.enum(['builtin', 'custom', 'mounted']),
    group: z.string(),
    mode: z.enum(['sync', 'async', 'background']),
    audience: z.enum(['model', 'user']),
    state: z.enum(['offered', 'held', 'denied']),
    fingerprint: z.string().optional(),
  })
  .openapi('Tool') satisfies z.ZodType<ControlledTool>;

export const ToolList = z.object({ tools: z.array(Tool) }).openapi('ToolList');

export const SeenTool = z
  .strictObject({ group: z.string(), fingerprint: z.string() })
  .openapi('SeenTool', { description: 'As `GET /v1/tools` shows them of the held tool.' });

export const SeenTools = z
  .strictObject({ tools: z.record(z.string(), z.string()) })
  .openapi('SeenTools', { description: 'Fingerprints by the names of the held tools.' });

export const ToolDefinition = z
  .looseObject({
    name,
    trusted: z.boolean().optional().openapi({ description: 'Offer it without an approval.' }),
  })
  .openapi('ToolDefinition', { description: 'One entry of `mcp.tools` or `customMCP.tools`.' });

export const CallRequest = z.strictObject({ args: anyObject.default({}) }).openapi('CallRequest');

export const CallReply = z
  .union([
    z.object({
      status: z.literal('done'),
      output: z.union([
        z.object({ kind: z.literal('text'), text: z.string() }),
        z.object({ kind: z.literal('json'), value: z.unknown() }),
        z.object({ kind: z.literal('image'), base64: z.string(), mimeType: z.string() }),
      ]),
    }),
    z.object({ status: z.enum(['started', 'running']), taskId: z.string() }),
  ])
  .openapi('CallReply') satisfies z.ZodType<ControlledCall>;

export const Mount = z
  .object({
    name: z.string(),
    origin: z.enum(['configuration', 'installed']),
    state: z.enum(['cold', 'starting', 'ready', 'restarting', 'failed', 'disabled']),
    switchedOffBy: z.enum(['configuration', 'command']).optional(),
    transport: z.enum(['stdio', 'http', 'sse']).optional(),
    pid: z.int().optional(),
    toolCount: z.int(),
    held: z.array(z.string()),
    restarts: z.int(),
    nextAttemptInMs: z.number().optional(),
    lastProblem: z.string().optional(),
    calls: z.int(),
    failedCalls: z.int(),
  })
  .openapi('Mount') satisfies z.ZodType<Omit<ControlledMount, 'held'>>;

export const MountList = z.object({ mounts: z.array(Mount) }).openapi('MountList');

export const MountDefinition = z
  .looseObject({ name })
  .openapi('MountDefinition', { description: 'One entry of `mcpServers`, with its name.' });

export const MountLogs = z.object({ lines: z.array(z.string()) }).openapi('MountLogs');

const task = {
  id: z.string(),
  tool: z.string(),
  state: z.enum(['accepted', 'running', 'done', 'failed', 'cancelled', 'interrupted']),
  acceptedAtMs: z.number(),
  finishedAtMs: z.number().optional(),
  deliveredAtMs: z.number().optional(),
  expiredAtMs: z.number().optional(),
};

export const Task = z.object(task).openapi('Task') satisfies z.ZodType<ControlledTask>;
export const TaskList = z.object({ tasks: z.array(Task) }).openapi('TaskList');
export const TaskResult = z
  .object({ ...task, args: anyObject, channel: z.string(), text: z.string() })
  .openapi('TaskResult') satisfies z.ZodType<ControlledTaskResult>;

export const AccessPoint = z
  .object({
    kind: z.enum(['access-point', 'tunnel']),
    name: z.string(),
    url: z.string(),
    state: z.enum(['connecting', 'connected', 'waiting', 'refused', 'stopped']),
    lastClose: z.object({ code: z.int(), reason: z.string() }).optional(),
    nextAttemptInMs: z.number().optional(),
    calls: z.int(),
    callMs: z.object({ p50: z.number(), p95: z.number() }).optional(),
    lastListAt: z.number().optional(),
    toolCount: z.int().optional(),
    userId: z.string().optional(),
    approvedTools: z.int().optional(),
  })
  .openapi('AccessPoint') satisfies z.ZodType<AccessPointReport>;
export const AccessPointList = z.object({ accessPoints: z.array(AccessPoint) }).openapi('AccessPointList');
