/** One value somebody gave, before it is checked. */
export interface Given {
  readonly path: readonly string[];
  readonly value: unknown;
  /** For people: `file /etc/x.json:3`, `environment XIAOZHI_MIC`, `argument --mic`. Never holds the value. */
  readonly source: string;
}

export type PlainObject = Record<string, unknown>;

export function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Takes an object apart into its leaves; empty objects and lists are leaves. */
export function leaves(value: unknown, path: readonly string[], source: string): Given[] {
  if (!isPlainObject(value) || Object.keys(value).length === 0) return [{ path, value, source }];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key], source));
}

/** What all layers together say. */
export interface Merged {
  readonly raw: PlainObject;
  /** Dotted path of each leaf that was given → where the winning value came from. */
  readonly sources: ReadonlyMap<string, string>;
}

/**
 * Later values win.
 * @param isGroup whether settings belong below this dotted path: anything else that was put there stays, to be found wrong
 */
export function merge(layers: Iterable<Given>, isGroup: (dotted: string) => boolean = () => false): Merged {
  const raw: PlainObject = {};
  const sources = new Map<string, string>();
  const spoiled = new Set<string>();
  for (const given of layers) {
    const { path, value, source } = withShortServer(given);
    if (path.some((_, length) => spoiled.has(path.slice(0, length).join('.')))) continue;
    const dotted = path.join('.');
    if (!isPlainObject(value) && isGroup(dotted)) spoiled.add(dotted);
    else spoiled.delete(dotted);
    for (const known of [...sources.keys()]) if (overlaps(known, dotted)) sources.delete(known);
    sources.set(dotted, source);
    assign(raw, path, value);
  }
  return { raw, sources };
}

/** `"server": "cloud"` is short for `"server": {"url": "cloud"}`. */
function withShortServer(given: Given): Given {
  const short = given.path.length === 1 && given.path[0] === 'server' && typeof given.value === 'string';
  return short ? { ...given, path: ['server', 'url'] } : given;
}

function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

function assign(target: PlainObject, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) define(target, key, value);
  else {
    const inner = Object.hasOwn(target, key) ? target[key] : undefined;
    if (!isPlainObject(inner)) define(target, key, {});
    assign(target[key] as PlainObject, rest, value);
  }
}

/** Not a plain assignment, so that a key named `__proto__` is a key like any other: unknown. */
function define(target: PlainObject, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}
