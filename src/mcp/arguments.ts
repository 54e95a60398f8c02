import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/server/validators/cf-worker';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { withDoubles } from '../core/exact-json.ts';
import { timeBoxed } from '../core/time-boxed.ts';
import { spokenFault } from './argument-fault.ts';
import { judgedSchema } from './judged-schema.ts';
import type { Tool, ToolArguments, ToolInputSchema } from './tool.ts';

const maxDepth = 32;
const maxValues = 10_000;
const maxCharacters = 100_000;

/**
 * The arguments a tool is run with. Built-in tools follow the firmware (G30, G31); the others their JSON Schema.
 * @throws ClientError TOOL_ARGUMENTS_INVALID with a short sentence for the model
 */
export function checkArguments(tool: Tool, args: ToolArguments): ToolArguments {
  checkBounds(args);
  const plain = withDoubles(args) as ToolArguments;
  if (tool.source === 'builtin') return firmwareArguments(tool.inputSchema, plain);
  const fault = validatorOf(tool)(plain);
  if (fault !== undefined) throw invalid(`Wrong arguments for ${tool.name}: ${spokenFault(fault)}`);
  return args;
}

/** Iterative, because what is nested too deep would overflow a recursive walk, and JSON.stringify after it. */
function checkBounds(args: ToolArguments): void {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: args, depth: 0 }];
  let values = 0;
  let characters = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next;
    values += 1;
    if (typeof value === 'string') characters += value.length;
    if (depth > maxDepth) throw invalid(`Arguments are nested deeper than ${maxDepth} levels.`);
    if (values > maxValues || characters > maxCharacters) throw invalid('Arguments are too large.');
    if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(value)) open.push({ value: inner, depth: depth + 1 });
  }
}

interface Property {
  readonly type?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** In declared order; unknown arguments are ignored, an optional one of the wrong type takes its default (G31). */
function firmwareArguments(schema: ToolInputSchema, args: ToolArguments): ToolArguments {
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Property>>;
  const required = (schema.required ?? []) as readonly string[];
  const checked: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties)) {
    const value = Object.hasOwn(args, name) ? converted(property.type, args[name]) : undefined;
    if (value === undefined) {
      if (required.includes(name)) throw invalid(`Missing valid argument: ${name}`);
      if (property.default !== undefined) checked[name] = property.default;
      continue;
    }
    if (typeof value === 'number') checkRange(value, property);
    checked[name] = value;
  }
  return checked;
}

function converted(type: unknown, value: unknown): boolean | number | string | undefined {
  if (type === 'boolean' && typeof value === 'boolean') return value;
  if (type === 'string' && typeof value === 'string') return value;
  if (type === 'integer' && typeof value === 'number' && !Number.isNaN(value))
    return Math.max(-2_147_483_648, Math.min(2_147_483_647, Math.trunc(value))) + 0;
  return undefined;
}

function checkRange(value: number, { minimum, maximum }: Property): void {
  if (minimum !== undefined && value < minimum) throw invalid(`Value is below minimum allowed: ${minimum}`);
  if (maximum !== undefined && value > maximum) throw invalid(`Value exceeds maximum allowed: ${maximum}`);
}

/** What is wrong with the arguments, in the words of the validator. */
type Check = (args: ToolArguments) => string | undefined;

/** Compiled at the first call: most tools are never called. */
const compiled = new WeakMap<Tool, Check>();
/** Nobody hears a pause of this length, and no schema that was written for arguments needs it. */
const judgingLimitMs = 40;
/** Where nobody else judges, a slow computer has time for a schema that it sees for the first time. */
const ownJudgingLimitMs = 200;
/** A busy computer may be slow once; a schema that is slow always is not judged any more. */
const maxSlowChecks = 3;

function validatorOf(tool: Tool): Check {
  const known = compiled.get(tool);
  if (known) return known;
  const check = checkOf(tool);
  compiled.set(tool, check);
  return check;
}

/**
 * A schema may be of others: it is judged within a bound of time, and what cannot be judged is left to the server that runs the
 * tool, which knows what was meant. For our own there is nobody else to judge: arguments that take too long are refused.
 */
function checkOf(tool: Tool): Check {
  let validate: ((args: ToolArguments) => string | undefined) | undefined;
  let slowChecks = 0;
  const limitMs = tool.source === 'mounted' ? judgingLimitMs : ownJudgingLimitMs;
  return (args) => {
    if (slowChecks >= maxSlowChecks) return undefined;
    let isUnjudged = false;
    try {
      const judged = timeBoxed(limitMs, () => {
        validate ??= validatorFor(tool);
        return validate(args);
      });
      if (judged !== 'too slow') return judged.value;
      isUnjudged = tool.source !== 'mounted';
      if (!isUnjudged) slowChecks += 1;
    } catch {
      slowChecks = maxSlowChecks;
    }
    if (isUnjudged)
      throw invalid(`The arguments for ${tool.name} take too long to check; give shorter ones.`);
    return undefined;
  };
}

function validatorFor({ inputSchema, source }: Tool): (args: ToolArguments) => string | undefined {
  const judged = judgedSchema(inputSchema, { expressions: source === 'mounted' ? 'theirs' : 'ours' });
  if (judged === undefined) return () => undefined;
  const validate = new CfWorkerJsonSchemaValidator().getValidator<ToolArguments>(judged);
  return (args) => {
    const { valid, errorMessage } = validate(args);
    return valid ? undefined : errorMessage;
  };
}

const invalid = (message: string): ClientError => new ClientError(ErrorCode.toolArgumentsInvalid, message);
