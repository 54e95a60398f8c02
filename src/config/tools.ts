import * as z from 'zod';
import { ClientError, ErrorCode } from '../core/errors.ts';
import type { ToolDefinition, ToolDescription, ToolTarget } from '../ports/tool-definition.ts';
import { commandWords } from './command-words.ts';
import { readConfigFile } from './config-file.ts';
import { isPlainObject, merge, type PlainObject } from './layers.ts';
import { nearest } from './suggest.ts';

const DAY_MS = 86_400_000;
const maxTools = 1000;

/** What a tool of each mode may take when the configuration does not say. */
const defaultTimeoutMs = { sync: 20_000, async: 300_000, background: 3_600_000 } as const;

const text = z.string().min(1).max(10_000);
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, 'must be the name of a header');
const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]{0,8192}$/, 'must be printable text');
const headers = z.record(headerName, headerValue).default({});
const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'),
  z.string().refine((value) => !value.includes('\0'), 'must not hold a zero byte'),
);

const inputSchema = z
  .looseObject({
    type: z.literal('object').default('object'),
    properties: z.record(z.string(), z.union([z.looseObject({}), z.boolean()])).optional(),
    required: z.array(z.string()).optional(),
  })
  .prefault({ properties: {} });

const description = {
  name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" and "-"'),
  description: text,
  inputSchema,
  audience: z.enum(['model', 'user']).default('model'),
  mode: z.enum(['sync', 'async', 'background']).default('sync'),
  timeoutMs: z.int().min(1).max(DAY_MS).optional(),
  handoffMs: z.int().min(0).max(DAY_MS).default(6000),
  maxResultBytes: z.int().min(64).max(200_000).default(1024),
  idempotent: z.boolean().default(false),
};

const command = text.transform((line, context) => {
  const words = commandWords(line);
  if (words) return words;
  context.addIssue('must be a program and its arguments; a tool is not run by a shell');
  return z.NEVER;
});

/** Placeholders choose the resource, never the server. */
const webUrl = (protocols: RegExp, what: string) =>
  text.refine((url) => {
    if (!URL.canParse(url) || !protocols.test(new URL(url).protocol)) return false;
    return !/^[^/]*\/\/[^/?#]*[{}]/.test(url);
  }, `must be ${what} URL without placeholders in the name of its host`);

const auth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bearer'), token: headerValue.min(1) }),
  z.strictObject({ type: z.literal('basic'), username: z.string(), password: z.string() }),
  z.strictObject({ type: z.literal('header'), name: headerName, value: headerValue }),
]);

const hostAndPort = text.transform((address, context) => {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const [host, port] = [bracketed ?? plain, Number(digits)];
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  context.addIssue('must be HOST:PORT, such as 127.0.0.1:9000 or [::1]:9000');
  return z.NEVER;
});

const streamProtocol = {
  framing: z.enum(['newline', 'length']).default('newline'),
  method: text.optional(),
};

/** One line per kind of tool: its own keys, beside those that every tool has. */
const targets = {
  subprocess: z.strictObject({
    ...description,
    type: z.literal('subprocess'),
    executable: command,
    args: z.array(z.string().refine((word) => !word.includes('\0'), 'must not hold a zero byte')).default([]),
    cwd: text.optional(),
    env: environment.default({}),
  }),
  http: z.strictObject({
    ...description,
    type: z.literal('http'),
    url: webUrl(/^https?:$/, 'an http:// or https://'),
    method: z
      .string()
      .toUpperCase()
      .pipe(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']))
      .default('GET'),
    body: z.enum(['json', 'form']).default('json'),
    headers,
    auth: auth.optional(),
    resultPath: text.optional(),
  }),
  tcp: z.strictObject({
    ...description,
    type: z.literal('tcp'),
    address: hostAndPort,
    ...streamProtocol,
  }),
  unix: z.strictObject({
    ...description,
    type: z.literal('unix'),
    path: text.refine((path) => Buffer.byteLength(path) <= 107, 'must have at most 107 bytes'),
    ...streamProtocol,
  }),
  websocket: z.strictObject({
    ...description,
    type: z.literal('websocket'),
    url: webUrl(/^wss?:$/, 'a ws:// or wss://'),
    headers,
    method: text.optional(),
  }),
} satisfies Record<ToolTarget['type'], z.ZodType>;

type ParsedTool = { [Type in keyof typeof targets]: z.output<(typeof targets)[Type]> }[keyof typeof targets];

const section = z.strictObject({
  enabled: z.boolean().default(true),
  tools: z.array(z.unknown()).max(maxTools).default([]),
  allow: z.array(text).max(maxTools).default(['*']),
  deny: z.array(text).max(maxTools).default([]),
});

/** The section `mcp` of the configuration as far as it is about tools. */
export interface ToolsConfig {
  /** In the order of the file. */
  readonly tools: readonly ToolDefinition[];
  /** Globs of names; what is denied stays denied. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/**
 * Checks the section `mcp`; nothing given is no tools. Keys of a tool may be written `timeoutMs` or `timeout_ms`, and a
 * tool with an `executable` needs no `type`.
 * @throws ClientError CONFIG_INVALID with all faults at once; no value is shown, as it may be a secret.
 */
export function parseToolsConfig(raw: unknown): ToolsConfig {
  const { config, faults } = checkTools(raw);
  if (faults.length > 0) throw invalid(faults);
  return config;
}

/** The same, with what is wrong as lines; the configuration is empty when the section is no group of settings. */
export function checkTools(raw: unknown): {
  readonly config: ToolsConfig;
  readonly faults: readonly string[];
} {
  const parsed = section.safeParse(raw ?? {});
  if (!parsed.success) {
    const faults = faultsOf(parsed.error, 'mcp', Object.keys(section.shape));
    return { config: { tools: [], allow: [], deny: [] }, faults };
  }
  const { enabled, tools, allow, deny } = parsed.data;
  const faults: string[] = [];
  const definitions = tools.flatMap((tool, index) => {
    const definition = parseTool(tool, `mcp.tools[${index}]`);
    if ('target' in definition) return [definition];
    faults.push(...definition.faults);
    return [];
  });
  faults.push(...repeatedNames(definitions));
  return { config: { tools: enabled ? definitions : [], allow, deny }, faults };
}

/** Reads only the tools of a configuration file; no file means no tools. Throws what `parseToolsConfig` throws. */
export async function readToolsConfig(file: string): Promise<ToolsConfig> {
  const given = (await readConfigFile(file)) ?? [];
  return parseToolsConfig(merge(given.filter(({ path }) => path[0] === 'mcp')).raw.mcp);
}

function parseTool(raw: unknown, place: string): ToolDefinition | { readonly faults: readonly string[] } {
  if (!isPlainObject(raw)) return { faults: [`${place}: must be an object`] };
  const where = typeof raw.name === 'string' ? `${place} (${JSON.stringify(raw.name.slice(0, 64))})` : place;
  const { tool, faults } = withCamelCase(raw, where);
  const type = tool.type ?? ('executable' in tool ? 'subprocess' : undefined);
  const schema = typeof type === 'string' && Object.hasOwn(targets, type) && targets[type as 'http'];
  if (!schema)
    return { faults: [...faults, `${where}.type: must be one of ${Object.keys(targets).join(', ')}`] };
  const parsed = schema.safeParse({ ...tool, type });
  if (!parsed.success)
    return { faults: [...faults, ...faultsOf(parsed.error, where, Object.keys(schema.shape))] };
  return faults.length > 0 ? { faults } : definitionOf(parsed.data);
}

/** `timeout_ms` is `timeoutMs`; only the keys of the tool itself, not those of its schema, headers or environment. */
function withCamelCase(raw: PlainObject, where: string) {
  const tool: PlainObject = {};
  const faults: string[] = [];
  for (const [key, value] of Object.entries(raw)) {
    const camel = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (Object.hasOwn(tool, camel)) faults.push(`${where}.${camel}: is given twice, in both spellings`);
    if (camel !== '__proto__') tool[camel] = value;
  }
  return { tool, faults };
}

function definitionOf(tool: ParsedTool): ToolDefinition {
  const shared: ToolDescription = {
    name: tool.name,
    description: tool.description,
    inputSchema: tool.inputSchema,
    audience: tool.audience,
    mode: tool.mode,
    timeoutMs: tool.timeoutMs ?? defaultTimeoutMs[tool.mode],
    handoffMs: tool.handoffMs,
    maxResultBytes: tool.maxResultBytes,
    idempotent: tool.idempotent,
  };
  return { ...shared, target: targetOf(tool) };
}

function targetOf(tool: ParsedTool): ToolTarget {
  switch (tool.type) {
    case 'subprocess':
      return { type: tool.type, command: tool.executable, args: tool.args, cwd: tool.cwd, env: tool.env };
    case 'http': {
      const { type, url, method, body, headers, auth, resultPath } = tool;
      return { type, url, method, body, headers, auth, resultPath };
    }
    case 'tcp':
      return { type: tool.type, ...tool.address, framing: tool.framing, method: tool.method };
    case 'unix':
      return { type: tool.type, path: tool.path, framing: tool.framing, method: tool.method };
    case 'websocket':
      return { type: tool.type, url: tool.url, headers: tool.headers, method: tool.method };
  }
}

function repeatedNames(tools: readonly ToolDefinition[]): string[] {
  const seen = new Map<string, string>();
  return tools.flatMap(({ name }) => {
    // Servers turn "." into "_", so such names are the same to the model.
    const folded = name.replaceAll('.', '_');
    const first = seen.get(folded);
    if (first === undefined) seen.set(folded, name);
    return first === undefined ? [] : [`mcp.tools: "${name}" and "${first}" are the same name to a server`];
  });
}

function faultsOf(error: z.ZodError, where: string, keys: readonly string[]): string[] {
  return error.issues.flatMap((issue) => {
    const path = [where, ...issue.path.map(String)].join('.');
    if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => `${path}: ${message}`);
    if (issue.code !== 'unrecognized_keys') return [`${path}: ${issue.message}`];
    return issue.keys.map((key) => {
      const meant = issue.path.length === 0 ? nearest(key, keys) : undefined;
      return `${path}.${key}: unknown key${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
    });
  });
}

function invalid(faults: readonly string[]): ClientError {
  return new ClientError(
    ErrorCode.configInvalid,
    ['The tools in the configuration are not right:', ...faults.map((fault) => `  ${fault}`)].join('\n'),
  );
}
