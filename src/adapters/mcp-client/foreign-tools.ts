import { withUnseenShown } from '../../core/printable-text.ts';
import { isReadable } from '../../core/readable-schema.ts';
import type { ForeignTool, ForeignToolList } from '../../ports/mcp-client.ts';

/** Nothing that speaks can use more; beyond them a list is a fault or an attack. */
export const listLimits = { maxPages: 100, maxTools: 1000, maxBytes: 4 * 1024 * 1024 };

const maxNameCharacters = 128;
const maxDescriptionCharacters = 4096;
const maxFaults = 20;
const unusable = /[\p{Cc}\p{Cf}\p{Surrogate}]/u;

type JsonObject = Readonly<Record<string, unknown>>;

/** One page of `tools/list`, as the server sent it. */
export type ReadPage = (cursor: string | undefined) => Promise<unknown>;

/**
 * Reads all pages. A tool that is wrong costs only itself, a list without an end only what lies beyond the bounds.
 * Rejects with what `readPage` rejects with, and with a TypeError when a page is no list.
 */
export async function readToolList(readPage: ReadPage, limits = listLimits): Promise<ForeignToolList> {
  const tools = new Map<string, ForeignTool>();
  const faults = createFaults();
  const cursors = new Set<string>();
  let bytes = 0;
  let cursor: string | undefined;
  for (let page = 0; ; page++) {
    if (page === limits.maxPages) {
      faults.add(`The list has more than ${limits.maxPages} pages; the rest was not read.`);
      break;
    }
    const { listed, nextCursor } = pageOf(await readPage(cursor));
    for (const candidate of listed) {
      bytes += sizeOf(candidate);
      if (bytes <= limits.maxBytes && tools.size < limits.maxTools) take(candidate, tools, faults.add);
    }
    if (tools.size >= limits.maxTools || bytes > limits.maxBytes) {
      const what = bytes > limits.maxBytes ? `${limits.maxBytes} bytes` : `${limits.maxTools} tools`;
      if (nextCursor !== undefined || listed.length > tools.size)
        faults.add(`The list goes on after ${what}; the rest is left out.`);
      break;
    }
    if (nextCursor === undefined) break;
    if (cursors.has(nextCursor)) {
      faults.add('The pages of the list lead back to one that was read already; reading ended there.');
      break;
    }
    cursors.add(nextCursor);
    cursor = nextCursor;
  }
  return { tools: [...tools.values()], faults: faults.all() };
}

/** What is nested so deep that it cannot be measured is left out by itself. */
function sizeOf(candidate: unknown): number {
  try {
    return JSON.stringify(candidate)?.length ?? 0;
  } catch {
    return 0;
  }
}

function createFaults() {
  const kept: string[] = [];
  let more = 0;
  return {
    add: (fault: string) => {
      if (kept.length < maxFaults) kept.push(fault);
      else more += 1;
    },
    all: () => (more === 0 ? kept : [...kept, `There are ${more} more faults like these.`]),
  };
}

function pageOf(answer: unknown): { listed: readonly unknown[]; nextCursor: string | undefined } {
  if (!isObject(answer)) throw new TypeError('no list of tools');
  const { nextCursor } = answer;
  // A result that is the list itself stands in `content` by now.
  const tools = answer.tools === null ? [] : (answer.tools ?? answer.content);
  if (!Array.isArray(tools)) throw new TypeError('no list of tools');
  // Some servers end with an empty or a null cursor instead of none.
  return {
    listed: tools,
    nextCursor:
      typeof nextCursor === 'number' || (typeof nextCursor === 'string' && nextCursor !== '')
        ? String(nextCursor)
        : undefined,
  };
}

function take(candidate: unknown, tools: Map<string, ForeignTool>, onFault: (fault: string) => void): void {
  const name = isObject(candidate) ? candidate.name : undefined;
  if (!isObject(candidate) || typeof name !== 'string' || name.trim() === '') {
    onFault('A tool without a name is left out.');
  } else if (name.length > maxNameCharacters || unusable.test(name)) {
    onFault('A tool is left out: its name is too long or holds characters that cannot be shown.');
  } else if (tools.has(name)) {
    onFault(`The tool ${name} is listed twice; the first one counts.`);
  } else {
    const { inputSchema: given, input_schema: snake, parameters } = candidate;
    const inputSchema = schemaOf(given ?? snake ?? parameters);
    if (inputSchema === undefined)
      onFault(`The tool ${name} is left out: its input schema is not one of an object.`);
    else if (!isReadable(inputSchema))
      onFault(
        `The tool ${name} is left out: its input schema is too deep, or holds letters that nobody sees.`,
      );
    else
      tools.set(name, {
        name,
        description: descriptionOf(candidate, name, onFault),
        inputSchema: withoutUnseen(inputSchema) as ForeignTool['inputSchema'],
      });
  }
}

function descriptionOf(tool: JsonObject, name: string, onFault: (fault: string) => void): string {
  const said = [tool.description, tool.title].find((each) => typeof each === 'string') ?? '';
  const text = withUnseenShown(said as string);
  if (text !== said)
    onFault(`The description of the tool ${name} holds letters that nobody sees; they are shown.`);
  if (text.length <= maxDescriptionCharacters) return text;
  onFault(`The description of the tool ${name} was cut after ${maxDescriptionCharacters} characters.`);
  return text.slice(0, maxDescriptionCharacters).replace(/[\ud800-\udbff]$/, '');
}

/** Of a schema that is readable. */
function withoutUnseen(value: unknown): unknown {
  if (typeof value === 'string') return withUnseenShown(value);
  if (Array.isArray(value)) return value.map(withoutUnseen);
  if (!isObject(value)) return value;
  const shown: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value))
    Object.defineProperty(shown, key, {
      value: withoutUnseen(inner),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  return shown;
}

/**
 * What servers often get wrong is mended: no schema or no type for a tool without arguments, null for "none", a schema as text. What
 * is none at all is left to the server, which knows what it takes.
 */
function schemaOf(given: unknown): ForeignTool['inputSchema'] | undefined {
  const schema = typeof given === 'string' ? parsed(given) : given;
  if (!isObject(schema)) return { type: 'object', properties: {} };
  const { type: said, properties, required, ...rest } = schema;
  const type = said ?? 'object';
  const isOfObject = type === 'object' || (Array.isArray(type) && type.includes('object'));
  if (!isOfObject) return undefined;
  const names = Array.isArray(required) ? required.filter((each) => typeof each === 'string') : [];
  return {
    ...rest,
    type: 'object',
    properties: isObject(properties) ? properties : {},
    ...(names.length > 0 && { required: names }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
