/**
 * The part of a JSON Schema that our validator judges as its author meant it. Schemas come from servers of others, in every
 * dialect there is (draft-03 and 04, OpenAPI, expressions of Python); what is not understood is left to the server, which
 * checks its arguments anyway. `format` is an annotation in JSON Schema 2020-12 and is not judged.
 */
export type JudgedSchema = Readonly<Record<string, unknown>>;

type Schema = boolean | JsonObject;
type JsonObject = Record<string, unknown>;

const maxNodes = 5000;
const maxDepth = 64;
const types = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);
const counts = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'];
const numbers = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'];

export interface JudgedOptions {
  /**
   * Regular expressions that are `theirs` are left to the server: one of theirs can take for ever, in the thread that has the
   * sound. `ours` are those of the configuration.
   */
  readonly expressions: 'ours' | 'theirs';
}

/** Undefined where the schema is too large to be judged between two sounds. */
export function judgedSchema(schema: JsonObject, options: JudgedOptions): JudgedSchema | undefined {
  const exact = cleaned(schema, options, true);
  if (exact === undefined || !exact.leftOut) return exact?.schema;
  // What is left out makes a schema allow more; where it is negated or counted it would make it allow less.
  return cleaned(schema, options, false)?.schema;
}

class TooLarge extends Error {}

function cleaned(
  root: JsonObject,
  options: JudgedOptions,
  isExact: boolean,
): { readonly schema: JsonObject; readonly leftOut: boolean } | undefined {
  const cleaner = new Cleaner(options, isExact);
  try {
    const schema = cleaner.objectOf(root, 0, true);
    cleaner.resolve(schema);
    return { schema, leftOut: cleaner.leftOut };
  } catch (thrown) {
    if (thrown instanceof TooLarge) return undefined;
    throw thrown;
  }
}

class Cleaner {
  leftOut = false;
  readonly #isExact: boolean;
  readonly #takesExpressions: boolean;
  readonly #references: JsonObject[] = [];
  #nodes = 0;

  constructor({ expressions }: JudgedOptions, isExact: boolean) {
    this.#isExact = isExact;
    this.#takesExpressions = expressions === 'ours';
  }

  /** `isHome`: references inside are those of this document. */
  objectOf(source: JsonObject, depth: number, isHome: boolean): JsonObject {
    this.#nodes += 1;
    if (this.#nodes > maxNodes || depth > maxDepth) throw new TooLarge();
    const home = isHome && (depth === 0 || (source.$id === undefined && typeof source.id !== 'string'));
    const inner = (value: unknown) => this.#schemaOf(value, depth + 1, home);
    const target: JsonObject = {};
    this.#takeValues(source, target);
    this.#takeBounds(source, target);
    this.#takeProperties(source, target, inner);
    this.#takeItems(source, target, inner);
    this.#takeCombinations(source, target, inner);
    for (const key of ['$defs', 'definitions']) {
      const defined = this.#mapOf(source[key], inner);
      if (defined) target[key] = defined;
    }
    if (source.$ref !== undefined) this.#takeReference(source.$ref, target, home);
    for (const key of ['$dynamicRef', '$recursiveRef', 'extends', 'disallow', 'divisibleBy'])
      if (source[key] !== undefined) this.leftOut = true;
    return target;
  }

  /** References to what was not taken over cannot be followed. */
  resolve(root: JsonObject): void {
    for (const schema of this.#references) {
      const found = pointedAt(root, String(schema.$ref));
      if (typeof found === 'boolean' || isObject(found)) continue;
      delete schema.$ref;
      this.leftOut = true;
    }
  }

  #schemaOf(value: unknown, depth: number, isHome: boolean): Schema {
    if (typeof value === 'boolean') return value;
    if (isObject(value)) return this.objectOf(value, depth, isHome);
    this.leftOut = true;
    return {};
  }

  #takeValues(source: JsonObject, target: JsonObject): void {
    const isNullable = source.nullable === true;
    const named = typesOf(source.type);
    if (named === 'unknown') this.leftOut = true;
    else if (named) target.type = isNullable && !named.includes('null') ? [...named, 'null'] : source.type;
    if (source.const !== undefined) target.const = source.const;
    if (Array.isArray(source.enum)) target.enum = isNullable ? [...source.enum, null] : source.enum;
    else if (source.enum !== undefined) this.leftOut = true;
  }

  #takeBounds(source: JsonObject, target: JsonObject): void {
    for (const key of [...numbers, ...counts]) {
      const bound = source[key];
      if (typeof bound === 'number') target[key] = bound;
      else if (bound !== undefined && bound !== null && bound !== false && bound !== true)
        this.leftOut = true;
    }
    // In draft-04 the bound is beside a yes or no.
    for (const [exclusive, bound] of [
      ['exclusiveMinimum', 'minimum'],
      ['exclusiveMaximum', 'maximum'],
    ] as const)
      if (source[exclusive] === true && target[bound] !== undefined) {
        target[exclusive] = target[bound];
        delete target[bound];
      }
    const { multipleOf, pattern, uniqueItems } = source;
    if (typeof multipleOf === 'number' && multipleOf > 0) target.multipleOf = multipleOf;
    else if (multipleOf !== undefined) this.leftOut = true;
    if (this.#takes(pattern)) target.pattern = pattern;
    else if (pattern !== undefined) this.leftOut = true;
    if (uniqueItems === true) target.uniqueItems = true;
  }

  #takeProperties(source: JsonObject, target: JsonObject, inner: (value: unknown) => Schema): void {
    const properties = this.#mapOf(source.properties, inner);
    if (properties) target.properties = properties;
    const { required } = source;
    if (Array.isArray(required)) target.required = required.filter((name) => typeof name === 'string');
    else if (required !== undefined && required !== null && required !== false) this.leftOut = true;
    const byPattern = this.#mapOf(source.patternProperties, inner) ?? {};
    const patterns = Object.entries(byPattern).filter(([pattern]) => this.#takes(pattern));
    const allPatterns = patterns.length === Object.keys(byPattern).length;
    if (!allPatterns) this.leftOut = true;
    if (patterns.length > 0) target.patternProperties = Object.fromEntries(patterns);
    // Without all patterns nobody knows what is additional.
    if (allPatterns) this.#take('additionalProperties', source, target, inner);
    this.#take('propertyNames', source, target, inner);
    const dependent = this.#mapOf(source.dependentSchemas, inner);
    if (dependent) target.dependentSchemas = dependent;
    for (const key of ['dependentRequired', 'dependencies'])
      if (source[key] !== undefined) this.leftOut = true;
  }

  #takeItems(source: JsonObject, target: JsonObject, inner: (value: unknown) => Schema): void {
    const { items, prefixItems } = source;
    if (Array.isArray(prefixItems)) target.prefixItems = prefixItems.map(inner);
    // Until draft 2019-09 a list of items was what is now called their prefix.
    if (Array.isArray(items)) {
      target.prefixItems = items.map(inner);
      if (source.additionalItems !== undefined) target.items = inner(source.additionalItems);
    } else this.#take('items', source, target, inner);
    if (source.contains !== undefined && source.minContains === undefined && source.maxContains === undefined)
      this.#take('contains', source, target, inner);
    else if (source.contains !== undefined) this.leftOut = true;
  }

  #takeCombinations(source: JsonObject, target: JsonObject, inner: (value: unknown) => Schema): void {
    for (const key of ['allOf', 'anyOf', 'oneOf']) {
      const parts = source[key];
      if (Array.isArray(parts) && parts.length > 0) target[key] = parts.map(inner);
      else if (parts !== undefined) this.leftOut = true;
    }
    if (this.#isExact) {
      for (const key of ['not', 'if', 'then', 'else', 'unevaluatedProperties', 'unevaluatedItems'])
        this.#take(key, source, target, inner);
      return;
    }
    if (target.oneOf === undefined) return;
    const either = { anyOf: target.oneOf };
    target.allOf = [...((target.allOf as Schema[] | undefined) ?? []), either];
    delete target.oneOf;
  }

  #takeReference(reference: unknown, target: JsonObject, isHome: boolean): void {
    if (typeof reference === 'string' && /^#(\/|$)/.test(reference) && isHome) {
      target.$ref = reference;
      this.#references.push(target);
    } else this.leftOut = true;
  }

  #takes(pattern: unknown): pattern is string {
    return this.#takesExpressions && isExpression(pattern);
  }

  #take(key: string, source: JsonObject, target: JsonObject, inner: (value: unknown) => Schema): void {
    if (source[key] !== undefined && source[key] !== null) target[key] = inner(source[key]);
  }

  #mapOf(value: unknown, inner: (value: unknown) => Schema): JsonObject | undefined {
    if (value === undefined || value === null) return undefined;
    if (!isObject(value)) {
      this.leftOut = true;
      return undefined;
    }
    const map: JsonObject = {};
    for (const [name, schema] of Object.entries(value))
      Object.defineProperty(map, name, { value: inner(schema), enumerable: true, configurable: true });
    return map;
  }
}

/** Undefined: any; `unknown`: a type that nobody knows. */
function typesOf(type: unknown): readonly string[] | 'unknown' | undefined {
  if (type === undefined || type === null || type === 'any') return undefined;
  const named = Array.isArray(type) ? type : [type];
  if (named.includes('any')) return undefined;
  return named.length > 0 && named.every((each) => types.has(each)) ? named : 'unknown';
}

/** As the validator compiles it. */
function isExpression(pattern: unknown): pattern is string {
  if (typeof pattern !== 'string') return false;
  try {
    return new RegExp(pattern, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

function pointedAt(root: unknown, reference: string): unknown {
  if (reference === '#') return root;
  let at: unknown = root;
  for (const step of reference.slice(2).split('/')) {
    const key = stepOf(step);
    if (Array.isArray(at)) at = at[Number(key)];
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at;
}

function stepOf(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return step;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
