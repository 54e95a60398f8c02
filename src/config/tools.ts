import * as z from 'zod';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { faultWords } from '../core/fault-words.ts';
import type { StreamProtocol, ToolDefinition, ToolTarget } from '../ports/tool-definition.ts';
import { commandWords } from './command-words.ts';
import { readConfigSections } from './config-sections.ts';
import { isPlainObject } from './layers.ts';
import {
  descriptionKeys,
  descriptionOf,
  faultsOf,
  foldedName,
  headerName,
  headers,
  headerValue,
  httpMethod,
  knownKeys,
  maxTools,
  placeOf,
  text,
  webUrl,
  withCamelCase,
} from './tool-parts.ts';

const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'),
  z.string().refine((value) => !value.includes('\0'), 'must not hold a zero byte'),
);

const command = text.transform((line, context) => {
  const words = commandWords(line);
  if (words) return words;
  context.addIssue('must be a program and its arguments; a tool is not run by a shell');
  return z.NEVER;
});

/** As the Encoding Standard names them. */
const encoding = text.refine(isEncoding, 'must be the name of an encoding, such as gb18030');

function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
  }
}

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
  read: z.enum(['auto', 'line', 'json', 'close']).default('auto'),
  readIdleMs: z.int().min(1).max(60_000).default(300),
  encoding: encoding.optional(),
};

/** One line per kind of tool: its own keys, beside those that every tool has. */
const targets = {
  subprocess: z.strictObject({
    ...descriptionKeys,
    type: z.literal('subprocess'),
    executable: command,
    args: z.array(z.string().refine((word) => !word.includes('\0'), 'must not hold a zero byte')).default([]),
    cwd: text.optional(),
    env: environment.default({}),
    encoding: encoding.optional(),
  }),
  http: z.strictObject({
    ...descriptionKeys,
    type: z.literal('http'),
    url: webUrl(/^https?:$/, 'an http:// or https://'),
    method: httpMethod.default('POST'),
    body: z.enum(['json', 'form']).default('json'),
    headers,
    auth: auth.optional(),
    resultPath: text.optional(),
  }),
  tcp: z.strictObject({
    ...descriptionKeys,
    type: z.literal('tcp'),
    address: hostAndPort,
    ...streamProtocol,
  }),
  unix: z.strictObject({
    ...descriptionKeys,
    type: z.literal('unix'),
    path: text.refine((path) => Buffer.byteLength(path) <= 107, 'must have at most 107 bytes'),
    ...streamProtocol,
  }),
  websocket: z.strictObject({
    ...descriptionKeys,
    type: z.literal('websocket'),
    url: webUrl(/^wss?:$/, 'a ws:// or wss://'),
    headers,
    method: text.optional(),
  }),
} satisfies Partial<Record<ToolTarget['type'], z.ZodType>>;

const ownKeys: ReadonlySet<string> = new Set(
  Object.values(targets).flatMap(({ shape }) => Object.keys(shape)),
);

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
  /** Of entries that are left out, and that cost nothing else: one line each, no value in it. */
  readonly faults: readonly string[];
  /** Keys of other programs, which are passed over. */
  readonly warnings: readonly string[];
}

/**
 * Checks the section `mcp`; nothing given is no tools. Keys of a tool may be written `timeoutMs` or `timeout_ms`, and a
 * tool with an `executable` needs no `type`. A damaged entry of `tools` costs only itself.
 * @throws ClientError CONFIG_INVALID where the section itself is wrong: what it was to forbid is not known then
 */
export function parseToolsConfig(raw: unknown): ToolsConfig {
  const faults = toolsSectionFaults(raw);
  if (faults.length > 0) throw invalid(faults);
  return checkTools(raw);
}

/** What is wrong with the section `mcp` beside the entries of its tools. */
export function toolsSectionFaults(raw: unknown): readonly string[] {
  const { error } = section.safeParse(raw ?? {}, { error: faultWords });
  return error === undefined ? [] : faultsOf(error, 'mcp', Object.keys(section.shape));
}

/** As `parseToolsConfig`; no tools where the section itself is wrong. */
export function checkTools(raw: unknown): ToolsConfig {
  const parsed = section.safeParse(raw ?? {}, { error: faultWords });
  if (!parsed.success)
    return { tools: [], allow: [], deny: [], faults: toolsSectionFaults(raw), warnings: [] };
  const { enabled, tools, allow, deny } = parsed.data;
  const faults: string[] = [];
  const warnings: string[] = [];
  const names = new Map<string, string>();
  const definitions = tools.flatMap((tool, index) => {
    const { definition, ...found } = parseTool(tool, `mcp.tools[${index}]`);
    faults.push(...found.faults);
    warnings.push(...found.warnings);
    if (definition === undefined) return [];
    const folded = foldedName(definition.name);
    const first = names.get(folded);
    if (first === undefined) names.set(folded, definition.name);
    else faults.push(`mcp.tools: "${definition.name}" and "${first}" are the same name to a server`);
    return first === undefined ? [definition] : [];
  });
  // Switched off is every tool, the device's own and those of others, too.
  const offered = enabled ? { tools: definitions, allow, deny } : { tools: [], allow: [], deny: ['*'] };
  return { ...offered, faults, warnings };
}

/** Reads only the tools of a configuration file; no file means no tools. Throws what `parseToolsConfig` throws. */
export async function readToolsConfig(file: string): Promise<ToolsConfig> {
  return parseToolsConfig((await readConfigSections(file, 'mcp')).mcp);
}

interface ParsedEntry {
  readonly definition?: ToolDefinition;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

function parseTool(raw: unknown, place: string): ParsedEntry {
  if (!isPlainObject(raw)) return { faults: [`${place}: must be an object`], warnings: [] };
  const where = placeOf(raw, place);
  const { tool, faults } = withCamelCase(raw, where);
  const type = tool.type ?? ('executable' in tool ? 'subprocess' : undefined);
  const schema = typeof type === 'string' && Object.hasOwn(targets, type) && targets[type as 'http'];
  if (!schema)
    return {
      faults: [...faults, `${where}.type: must be one of ${Object.keys(targets).join(', ')}`],
      warnings: [],
    };
  const known = knownKeys({ ...tool, type }, where, Object.keys(schema.shape), { misplaced: ownKeys });
  const { warnings } = known;
  const wrong = [...faults, ...known.faults];
  const parsed = schema.safeParse(known.keys, { error: faultWords });
  if (!parsed.success)
    return { faults: [...wrong, ...faultsOf(parsed.error, where, Object.keys(schema.shape))], warnings };
  return wrong.length > 0
    ? { faults: wrong, warnings }
    : { definition: definitionOf(parsed.data), faults: [], warnings };
}

function definitionOf(tool: ParsedTool): ToolDefinition {
  return { ...descriptionOf(tool), target: targetOf(tool) };
}

function targetOf(tool: ParsedTool): ToolTarget {
  switch (tool.type) {
    case 'subprocess':
      return {
        type: tool.type,
        command: tool.executable,
        args: tool.args,
        cwd: tool.cwd,
        env: tool.env,
        encoding: tool.encoding,
      };
    case 'http': {
      const { type, url, method, body, headers, auth, resultPath } = tool;
      return { type, url, method, body, headers, auth, resultPath };
    }
    case 'tcp':
      return { type: tool.type, ...tool.address, ...streamOf(tool) };
    case 'unix':
      return { type: tool.type, path: tool.path, ...streamOf(tool) };
    case 'websocket':
      return { type: tool.type, url: tool.url, headers: tool.headers, method: tool.method };
  }
}

function streamOf({
  framing,
  method,
  read,
  readIdleMs,
  encoding,
}: Extract<ParsedTool, { type: 'tcp' | 'unix' }>): StreamProtocol {
  return { framing, method, read, readIdleMs, encoding };
}

function invalid(faults: readonly string[]): ClientError {
  return new ClientError(
    ErrorCode.configInvalid,
    ['The tools in the configuration are not right:', ...faults.map((fault) => `  ${fault}`)].join('\n'),
  );
}
