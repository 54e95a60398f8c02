import { ClientError, ErrorCode } from '../core/errors.ts';
import { listedSchema } from './listed-schema.ts';
import type { Tool } from './tool.ts';

/** A tool as it is listed (firmware G21). */
export interface ListedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Tool['inputSchema'];
  readonly annotations?: { readonly audience: readonly ['user'] };
}

export interface ToolPage {
  readonly tools: readonly ListedTool[];
  /** Name of the first tool of the next page; absent on the last, because servers loop on `` and null (servers.md 3.3). */
  readonly nextCursor?: string;
}

export interface PageOptions {
  readonly cursor?: string | undefined;
  readonly maxBytes?: number;
  /** Gateways drop a page whole that brings more than they keep: 32 (servers.md 3.3). */
  readonly maxTools?: number;
}

/** As the firmware has it. */
export const defaultPageBytes = 8000;
const emptyPageBytes = '{"tools":['.length;
/** What the firmware keeps free for the end of a page (G22). */
const firmwareReserveBytes = 30;
/** A longer name could keep others off every page, because it may become their cursor. */
const maxNameBytes = 256;

const lists = new WeakMap<Tool, ListedTool>();

export function listed(tool: Tool): ListedTool {
  const known = lists.get(tool);
  if (known) return known;
  const { name, description, inputSchema, audience } = tool;
  const made: ListedTool = {
    name,
    description,
    inputSchema: listedSchema(inputSchema),
    ...(audience === 'user' && { annotations: { audience: ['user'] as const } }),
  };
  lists.set(tool, made);
  return made;
}

/**
 * The page that begins at `cursor`: tools are added as the firmware does it (G22, G23), and a page with its cursor never
 * exceeds `maxBytes`. Unlike the firmware (G24), a tool that fits on no page is left out and not in the way of the rest.
 * @throws ClientError TOOL_ARGUMENTS_INVALID for a cursor that names no tool, with the firmware's words
 */
export function pageOf(
  tools: readonly Tool[],
  { cursor, maxBytes = defaultPageBytes, maxTools = 32 }: PageOptions = {},
): ToolPage {
  const entries = fitting(tools, maxBytes);
  const start = cursor === undefined ? 0 : entries.findIndex(({ tool }) => tool.name === cursor);
  if (start < 0) throw unknownCursor();
  let bytes = emptyPageBytes;
  let end = start;
  for (const entry of entries.slice(start, start + maxTools)) {
    const grown = bytes + entry.bytes + 1;
    if (grown + firmwareReserveBytes > maxBytes) break;
    bytes = grown;
    end += 1;
  }
  // The firmware does not reckon with long names of the tool that becomes the cursor.
  for (
    let last = entries[end];
    last && bytes - 1 + cursorBytes(last.tool.name) > maxBytes;
    last = entries[end]
  ) {
    end -= 1;
    bytes -= (entries[end]?.bytes ?? 0) + 1;
  }
  const next = entries[end]?.tool.name;
  return {
    tools: entries.slice(start, end).map(({ tool }) => tool),
    ...(next !== undefined && { nextCursor: next }),
  };
}

/** Names of the tools that fit on no page: for the report, once. */
export function unlistable(tools: readonly Tool[], maxBytes = defaultPageBytes): readonly string[] {
  const names = new Set(fitting(tools, maxBytes).map(({ tool }) => tool.name));
  return tools.filter(({ name }) => !names.has(name)).map(({ name }) => name);
}

interface Entry {
  readonly tool: ListedTool;
  readonly bytes: number;
}

/** Those that fit on a page of their own, whatever comes after them. A schema that is no JSON fits nowhere. */
function fitting(tools: readonly Tool[], maxBytes: number): readonly Entry[] {
  const entries = tools.flatMap((tool) => {
    const bytes = sizeOf(tool);
    return bytes === undefined || Buffer.byteLength(tool.name) > maxNameBytes
      ? []
      : [{ tool: listed(tool), bytes }];
  });
  const longestEnd = entries.reduce((most, { tool }) => Math.max(most, cursorBytes(tool.name)), 0);
  const reserve = Math.max(firmwareReserveBytes + 1, longestEnd);
  return entries.filter(({ bytes }) => emptyPageBytes + bytes + reserve <= maxBytes);
}

const texts = new WeakMap<Tool, string>();

/** A tool as it goes on the wire; undefined for a schema that is no JSON. */
export function listedText(tool: Tool): string | undefined {
  const known = texts.get(tool);
  if (known !== undefined) return known;
  try {
    const text = JSON.stringify(listed(tool));
    texts.set(tool, text);
    return text;
  } catch {
    return undefined;
  }
}

function sizeOf(tool: Tool): number | undefined {
  const text = listedText(tool);
  return text === undefined ? undefined : Buffer.byteLength(text);
}

const cursorBytes = (name: string): number => Buffer.byteLength(`],"nextCursor":${JSON.stringify(name)}}`);

const unknownCursor = (): ClientError =>
  new ClientError(ErrorCode.toolArgumentsInvalid, 'Failed to add tool  because of payload size limit');
