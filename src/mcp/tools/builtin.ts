import type { RunTool, Tool, ToolInputSchema } from '../tool.ts';

type Defaults = 'source' | 'audience' | 'mode' | 'timeoutMs' | 'handoffMs' | 'maxResultBytes' | 'idempotent';

export type BuiltinFields = Omit<Tool, Defaults | 'inputSchema' | 'run'> &
  Partial<Pick<Tool, Defaults>> & {
    readonly properties?: Readonly<Record<string, BuiltinProperty>>;
    readonly required?: readonly string[];
    readonly run: RunTool;
  };

/** The kinds of properties the firmware knows (G21); one that is not required has a default. */
export type BuiltinProperty =
  | { readonly type: 'boolean'; readonly default?: boolean }
  | { readonly type: 'string'; readonly default?: string }
  | {
      readonly type: 'integer';
      readonly default?: number;
      readonly minimum?: number;
      readonly maximum?: number;
    };

/** A tool of the device itself, with what nearly all of them have in common. */
export function builtin({ properties = {}, required = [], ...fields }: BuiltinFields): Tool {
  return {
    source: 'builtin',
    audience: 'model',
    mode: 'sync',
    timeoutMs: 10_000,
    handoffMs: 6000,
    maxResultBytes: 1024,
    idempotent: false,
    ...fields,
    inputSchema: schemaOf(properties, required),
  };
}

function schemaOf(
  properties: Readonly<Record<string, BuiltinProperty>>,
  required: readonly string[],
): ToolInputSchema {
  return { type: 'object', properties, ...(required.length > 0 && { required }) };
}
