import { z } from 'zod';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { faultWords } from '../core/fault-words.ts';
import { manners, textWays } from './behaviour.ts';

const withinMs = z.int().min(1).max(600_000).default(10_000);
const times = z.int().min(1).max(10_000_000).default(1);
const hexBytes = z
  .string()
  .regex(/^(?:[0-9a-f]{2})*$/iu, 'must be pairs of hex digits')
  .max(4_000_000);
const jsonObject = z.record(z.string(), z.unknown());

const step = z.union([
  z.strictObject({ expect: jsonObject, withinMs }),
  z.strictObject({ expectAudioFrames: z.int().min(1), withinMs }),
  z.strictObject({ send: jsonObject }),
  z.strictObject({ sendText: z.string(), times }),
  z.strictObject({ sendBinary: hexBytes, times }),
  z.strictObject({ sendRaw: hexBytes }),
  z.strictObject({
    audio: z.string().min(1),
    sampleRateHz: z.literal([8000, 12000, 16000, 24000, 48000]).default(24_000),
    frameDurationMs: z.literal([5, 10, 20, 40, 60]).default(60),
    paced: z.boolean().default(true),
    stopAfterFrames: z.int().min(1).optional(),
  }),
  z.strictObject({ waitMs: z.int().min(0).max(600_000) }),
  z.strictObject({
    close: z.strictObject({
      code: z.int().refine(mayBeSent, 'is no close code that may be sent (RFC 6455 §7.4)').default(1000),
      reason: z.string().max(40).default(''),
    }),
  }),
  z.strictObject({ terminate: z.literal(true) }),
]);

const converse = z.strictObject({
  manner: z.enum(manners).optional(),
  thinkMs: z.int().min(0).max(600_000).optional(),
  textWays: z.array(z.enum(textWays)).optional(),
  spokenCommand: z.union([z.string(), z.array(z.string())]).optional(),
});

const connection = z.strictObject({
  upgrade: z.union([z.boolean(), z.int().min(400).max(599)]).default(true),
  hello: z.union([z.boolean(), jsonObject]).default(true),
  steps: z.array(step).max(10_000).default([]),
  converse: converse.optional(),
});

const script = z
  .strictObject({
    connections: z.array(connection).min(1).max(1000),
    repeatFrom: z.int().min(0).optional(),
  })
  .refine(({ connections, repeatFrom }) => repeatFrom === undefined || repeatFrom < connections.length, {
    path: ['repeatFrom'],
    error: 'names a connection that is not in the list (the first is 0)',
  });

function mayBeSent(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code < 5000)
  );
}

export type ScriptStep = z.infer<typeof step>;
export type ScriptConnection = z.infer<typeof connection>;
/** What the server does instead of conversing; the table in README.md explains every step. */
export type Script = z.infer<typeof script>;

/** @throws ClientError CONFIG_INVALID with every fault of the script and where it is. */
export function parseScript(json: string, fileName: string): Script {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ClientError(
      ErrorCode.configInvalid,
      `The script ${fileName} is not JSON: ${(cause as Error).message}. Correct it and start again.`,
      { cause },
    );
  }
  const parsed = script.safeParse(value, { error: faultWords });
  if (parsed.success) return parsed.data;
  throw new ClientError(
    ErrorCode.configInvalid,
    `The script ${fileName} cannot be used; its steps are explained in src/demo-server/README.md.\n${describeFaults(value, parsed.error)}`,
    { cause: parsed.error },
  );
}

const stepShapes = new Map(step.options.map((option) => [Object.keys(option.shape)[0] as string, option]));

/** A union reports one fault per kind of step; a person wants those of the kind they meant. */
function describeFaults(value: unknown, error: z.ZodError): string {
  const issues = error.issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union' || issue.path.at(-2) !== 'steps') return [issue];
    const found = issue.path.reduce<unknown>(
      (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
      value,
    );
    const kind = Object.keys(found ?? {}).find((key) => stepShapes.has(key));
    if (kind === undefined)
      return [{ ...issue, message: `is no step; a step has one of: ${[...stepShapes.keys()].join(', ')}` }];
    const faults = stepShapes.get(kind)?.safeParse(found, { error: faultWords }).error?.issues ?? [];
    return faults.map((fault) => ({ ...fault, path: [...issue.path, ...fault.path] }));
  });
  return issues.map(({ path, message }) => `- ${z.core.toDotPath(path)}: ${message}`).join('\n');
}
