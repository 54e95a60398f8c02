import * as z from 'zod';
import { faultWords } from '../core/fault-words.ts';
import type { ToolDefinition } from '../ports/tool-definition.ts';
import { readConfigSections } from './config-sections.ts';
import { type HandlerTarget, handlerKinds, proxyTargets } from './custom-handlers.ts';
import { isPlainObject, type PlainObject } from './layers.ts';
import { nearest } from './suggest.ts';
import {
  descriptionKeys,
  descriptionOf,
  faultsOf,
  foldedName,
  knownKeys,
  maxTools,
  placeOf,
  withCamelCase,
} from './tool-parts.ts';

/** The section `customMCP`: what of it can be used, and what is wrong with the rest. */
export interface CustomMcpConfig {
  /** In the order of the file. */
  readonly tools: readonly ToolDefinition[];
  /** One line per fault: path, what, what is allowed; never a value, which may be a secret. */
  readonly faults: readonly string[];
  /** Keys of other programs, which are passed over. */
  readonly warnings: readonly string[];
}

type Faults = { readonly faults: readonly string[]; readonly warnings: readonly string[] };

const tool = z.strictObject({
  ...descriptionKeys,
  enabled: z.boolean().default(true),
  handler: z.unknown().optional(),
  // What other programs keep there: how often the tool was used.
  stats: z.unknown().optional(),
});

/**
 * Reads the section `customMCP`. A damaged entry is left out and reported, the others work; nothing given is no tools.
 * `tools` may be one tool instead of a list; keys may be written in camelCase or snake_case.
 */
export function parseCustomMcp(raw: unknown): CustomMcpConfig {
  if (raw === undefined || raw === null) return { tools: [], faults: [], warnings: [] };
  if (!isPlainObject(raw))
    return { tools: [], faults: ['customMCP: must be an object, such as {"tools": […]}'], warnings: [] };
  const { tools = [], ...others } = raw;
  const unknown = knownKeys(others, 'customMCP', ['tools']);
  const faults = [...unknown.faults];
  const warnings = [...unknown.warnings];
  const entries = isPlainObject(tools) ? [tools] : tools;
  if (!Array.isArray(entries))
    return { tools: [], faults: [...faults, 'customMCP.tools: must be a list'], warnings };
  if (entries.length > maxTools)
    faults.push(`customMCP.tools: holds ${entries.length} tools, only the first ${maxTools} are used`);
  const read: ToolDefinition[] = [];
  const names = new Map<string, string>();
  for (const [index, entry] of entries.slice(0, maxTools).entries()) {
    const place = placeOf(entry, `customMCP.tools[${index}]`);
    const definition = parseTool(entry, place);
    if (definition === 'disabled') continue;
    warnings.push(...definition.warnings);
    faults.push(...definition.faults);
    if (definition.tool === undefined) continue;
    const { name } = definition.tool;
    const first = names.get(foldedName(name));
    if (first === undefined) {
      names.set(foldedName(name), name);
      read.push(definition.tool);
    } else faults.push(`${place}: "${name}" and "${first}" are the same name to a server`);
  }
  return { tools: read, faults, warnings };
}

/** Reads only this section of a configuration file; no file means no tools. Rejects as `readConfigSections` does. */
export async function readCustomMcp(file: string): Promise<CustomMcpConfig> {
  return parseCustomMcp((await readConfigSections(file, 'customMCP')).customMCP);
}

interface ParsedEntry extends Faults {
  readonly tool?: ToolDefinition;
}

function parseTool(raw: unknown, where: string): ParsedEntry | 'disabled' {
  if (!isPlainObject(raw)) return { faults: [`${where}: must be an object`], warnings: [] };
  if (raw.enabled === false) return 'disabled';
  const { tool: camel, faults } = withCamelCase(raw, where);
  const known = knownKeys(camel, where, Object.keys(tool.shape));
  const parsed = tool.safeParse(known.keys, { error: faultWords });
  const handled = parseHandler(camel.handler, `${where}.handler`);
  const warnings = [...known.warnings, ...handled.warnings];
  const wrong = [
    ...faults,
    ...known.faults,
    ...(parsed.success ? [] : faultsOf(parsed.error, where, Object.keys(tool.shape))),
    ...handled.faults,
  ];
  if (!parsed.success || handled.target === undefined || wrong.length > 0) return { faults: wrong, warnings };
  const timeoutMs = parsed.data.timeoutMs ?? handled.timeoutMs;
  return {
    tool: { ...descriptionOf({ ...parsed.data, timeoutMs }), target: handled.target },
    faults: [],
    warnings,
  };
}

/** The settings stand in `config`, or beside `type`; other programs do both. */
function parseHandler(raw: unknown, where: string): Faults & Partial<HandlerTarget> {
  const wrong = (fault: string) => ({ faults: [fault], warnings: [] });
  if (!isPlainObject(raw)) return wrong(`${where}: must be an object with a type`);
  const { type, target, platform, config = {}, ...beside } = raw;
  if (!isPlainObject(config)) return wrong(`${where}.config: must be an object`);
  const known = [...Object.keys(handlerKinds), 'proxy'];
  const wanted = type === 'function' ? 'custom' : type;
  if (typeof wanted !== 'string' || !known.includes(wanted))
    return wrong(`${where}.type: must be one of ${known.join(', ')}${meant(type, known)}`);
  const service = target ?? platform;
  const services = Object.keys(proxyTargets);
  if (wanted === 'proxy' && (typeof service !== 'string' || !services.includes(service)))
    return wrong(`${where}.target: must be one of ${services.join(', ')}${meant(service, services)}`);
  const kind = wanted === 'proxy' ? proxyTargets[String(service)] : handlerKinds[wanted];
  const place = Object.keys(config).length > 0 ? `${where}.config` : where;
  const { tool: settings, faults } = withCamelCase({ ...beside, ...config }, place);
  const { keys = [] } = kind ?? {};
  const { warnings, ...own } = knownKeys(settings, place, keys);
  const parsed = kind?.parse(withGroups(own.keys));
  if (parsed?.success && faults.length + own.faults.length === 0)
    return { ...parsed.data, faults: [], warnings };
  const more = parsed?.error ? faultsOf(parsed.error, place, keys) : [];
  return { faults: [...faults, ...own.faults, ...more], warnings };
}

/** Two of the settings are groups with keys of ours; what stands in the others is the user's. */
function withGroups(settings: PlainObject): PlainObject {
  const groups = ['auth', 'responseMapping'].flatMap((key) => {
    const group = settings[key];
    return isPlainObject(group) ? [[key, withCamelCase(group, key).tool]] : [];
  });
  return { ...settings, ...Object.fromEntries(groups) };
}

const meant = (value: unknown, known: readonly string[]): string =>
  typeof value === 'string' ? suggestion(value, known) : '';

function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `, did you mean "${near}"?`;
}
