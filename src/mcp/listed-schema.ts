import type { ToolInputSchema } from './tool.ts';

type Schema = Readonly<Record<string, unknown>>;

/**
 * What inlining may add, in characters of JSON: a tool has to fit on a page of 8000 bytes. Beyond, and where a definition
 * holds itself, what remains of a reference is the kind of value it means.
 */
const maxListedCharacters = 5000;
/** Deeper is nobody's schema; it is passed on as it is. */
const maxDepth = 64;

const mapsOfSchemas: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
]);
const listsOfSchemas: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items']);
const schemas: ReadonlySet<string> = new Set([
  'items',
  'additionalItems',
  'additionalProperties',
  'unevaluatedItems',
  'unevaluatedProperties',
  'contains',
  'propertyNames',
  'not',
  'if',
  'then',
  'else',
]);
/**
 * The schema as it goes into a list: servers drop `$defs` and what else stands beside `properties`, and with it what local
 * references mean, so these are replaced by what they refer to. References elsewhere stay. Work and size are bounded,
 * whatever the schema; arguments are checked against the schema as it was given.
 */
export function listedSchema(schema: ToolInputSchema): ToolInputSchema {
  const inliner = new Inliner(schema);
  const inlined = inliner.inline(schema, 0, ['#']);
  if (inliner.replaced === 0) return schema;
  const { $defs, definitions, ...rest } = inlined;
  const left =
    inliner.kept === 0 ? {} : { ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}) };
  return { ...rest, ...left, type: 'object' };
}

class Inliner {
  replaced = 0;
  /** Local references that point nowhere. */
  kept = 0;
  #free: number;
  /** A long definition that many refer to is measured once. */
  readonly #lengths = new Map<string, number>();
  readonly #root: Schema;

  constructor(root: Schema) {
    this.#root = root;
    const { $defs: _, definitions: __, ...own } = root;
    this.#free = maxListedCharacters - lengthOf(own);
  }

  inline(schema: Schema, depth: number, within: readonly string[]): Schema {
    if (depth > maxDepth) return schema;
    const { $ref, ...beside } = schema;
    if (typeof $ref === 'string' && $ref.startsWith('#')) {
      const target = this.#targetOf($ref);
      if (target === undefined) this.kept += 1;
      else
        return { ...this.#expanded($ref, target, depth, within), ...this.inline(beside, depth + 1, within) };
    }
    const entries = Object.entries(schema).map(([key, value]) => [
      key,
      // The definitions themselves are taken from where they stand.
      depth === 0 && (key === '$defs' || key === 'definitions')
        ? value
        : this.#value(key, value, depth, within),
    ]);
    return Object.fromEntries(entries) as Schema;
  }

  #value(key: string, value: unknown, depth: number, within: readonly string[]): unknown {
    const inner = (one: unknown) => (isSchema(one) ? this.inline(one, depth + 1, within) : one);
    if (mapsOfSchemas.has(key) && isSchema(value))
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inner(one)]));
    if (listsOfSchemas.has(key) && Array.isArray(value)) return value.map(inner);
    return schemas.has(key) ? inner(value) : value;
  }

  #expanded(ref: string, target: Schema, depth: number, within: readonly string[]): Schema {
    this.replaced += 1;
    const length = this.#lengths.get(ref) ?? lengthOf(target);
    this.#lengths.set(ref, length);
    if (length <= this.#free && !within.includes(ref)) {
      this.#free -= length;
      return this.inline(target, depth + 1, [...within, ref]);
    }
    return shallowOf(target, this.#free / 4);
  }

  #targetOf(ref: string): Schema | undefined {
    let at: unknown = this.#root;
    for (const step of pointerSteps(ref)) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
      at = (at as Schema)[step];
    }
    return isSchema(at) ? at : at === true ? {} : undefined;
  }
}

/** The kind of value, and what it is for where that is short. */
function shallowOf({ type, description }: Schema, maxCharacters: number): Schema {
  const isShort = typeof description === 'string' && description.length <= maxCharacters;
  return { ...(typeof type === 'string' && { type }), ...(isShort && { description }) };
}

/** Of a JSON pointer in a fragment; a name (`#item`) leads nowhere. */
function pointerSteps(ref: string): readonly string[] {
  const [first, ...steps] = ref.slice(1).split('/');
  if (first !== '') return ['#', ref];
  return steps.map((step) => decoded(step).replaceAll('~1', '/').replaceAll('~0', '~'));
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function lengthOf(value: unknown): number {
  try {
    return JSON.stringify(value)?.length ?? 0;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
