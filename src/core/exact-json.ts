import { randomBytes } from 'node:crypto';

/**
 * A number of somebody else's JSON that a double would not print as it was written: `725653563933458433`, `1.10`, `1e400`.
 * In a value that `parseExact` gives, it stands where the number stood.
 */
export class ExactNumber {
  /** As it was written. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The double that comes nearest. */
  get nearest(): number {
    return Number(this.text);
  }

  /** Whether `nearest` is the number that was written, whatever it looks like: `1.10`, not `725653563933458433`. */
  get isKept(): boolean {
    return Number.isFinite(this.nearest) && decimalOf(this.text) === decimalOf(String(this.nearest));
  }

  /** For whoever does not know of this class: the digits, as text, rather than others. */
  toJSON(): string {
    return this.text;
  }

  toString(): string {
    return this.text;
  }
}

/** A text that stands for a number while JSON is parsed or written; nobody can guess what it begins with. */
const mark = `\ue000${randomBytes(12).toString('hex')}:`;
const markedText = new RegExp(`"${mark}([^"]*)"`, 'g');
const tokensAndGroups = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[[\]{},]/g;
const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
/** Only these can hold a number that a double prints otherwise. */
const suspicious = /[\d.]{16}|\.\d*0(?!\d)|\d[eE]|-0/;
/** `JSON.parse`, but numbers keep their digits. Throws what it throws. */
export function parseExact(text: string): unknown {
  if (!suspicious.test(text)) return JSON.parse(text);
  // Also finds what is no JSON before anything is put into it.
  const plain: unknown = JSON.parse(text);
  const marked = markNumbers(text);
  return marked === text ? plain : withExactNumbers(JSON.parse(marked));
}

/**
 * The object that `JSON.parse` made of `text`, with exact numbers in the member at `path` and nowhere else: what a message says of
 * itself stays as whoever reads it expects it.
 */
export function withExactMember(
  json: Readonly<Record<string, unknown>>,
  text: string,
  path: readonly string[],
): Readonly<Record<string, unknown>> {
  if (!suspicious.test(text) || memberAt(json, path) === undefined) return json;
  return withMember(json, path, memberAt(parseExact(text), path));
}

function memberAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (isGroup(at) && Object.hasOwn(at, key) ? at[key as keyof typeof at] : undefined),
    value,
  );
}

function withMember(
  object: Readonly<Record<string, unknown>>,
  [key = '', ...rest]: readonly string[],
  member: unknown,
): Readonly<Record<string, unknown>> {
  const inner = rest.length === 0 ? member : withMember(object[key] as typeof object, rest, member);
  return { ...object, [key]: inner };
}

/** `JSON.stringify`, with the digits that numbers came with. */
export function stringifyExact(value: unknown): string | undefined {
  if (!holdsExact(value)) return JSON.stringify(value);
  return unmarked(JSON.stringify(marked(value)));
}

function markNumbers(text: string): string {
  return text.replace(tokens, (token) => markIfExact(token));
}

function markIfExact(token: string): string {
  const isPlain = token.startsWith('"') || String(Number(token)) === token;
  return isPlain ? token : `"${mark}${token}"`;
}

/**
 * Text of JSON with marks in place of exact numbers in members of this name, and nowhere else: what reads it may not know of
 * them. `withExactNumbers` makes of marks what they were.
 */
export function markedIn(member: string, text: string): string {
  if (!suspicious.test(text) || !text.includes(`"${member}"`)) return text;
  let depth = 0;
  let before = '';
  /** Outside of the member when undefined. */
  let outerDepth: number | undefined;
  return text.replace(tokensAndGroups, (token) => {
    if (/[[{]/.test(token)) {
      if (outerDepth === undefined && before === `"${member}"`) outerDepth = depth;
      depth += 1;
    } else if (/[\]}]/.test(token)) {
      depth -= 1;
      if (depth === outerDepth) outerDepth = undefined;
    }
    before = token;
    return outerDepth === undefined ? token : markIfExactToken(token);
  });
}

const markIfExactToken = (token: string): string => (/^[-\d]/.test(token) ? markIfExact(token) : token);

/** The value with an ExactNumber in place of each mark. */
export function withExactNumbers(value: unknown): unknown {
  return mapped(value, (leaf) =>
    typeof leaf === 'string' && leaf.startsWith(mark) ? new ExactNumber(leaf.slice(mark.length)) : leaf,
  );
}

/** The value with a mark in place of each ExactNumber, for JSON that others write; `unmarked` ends it. */
export const marked = <Value>(value: Value): Value =>
  holdsExact(value)
    ? (mapped(value, (leaf) => (leaf instanceof ExactNumber ? `${mark}${leaf.text}` : leaf)) as Value)
    : value;

export const unmarked = (json: string): string => json.replace(markedText, '$1');

/** The value with doubles, for whoever only looks at it. */
export const withDoubles = (value: unknown): unknown =>
  holdsExact(value) ? mapped(value, (leaf) => (leaf instanceof ExactNumber ? leaf.nearest : leaf)) : value;

/** The first number that no double can hold; undefined when there is none. */
export function unkeptNumber(value: unknown): ExactNumber | undefined {
  let found: ExactNumber | undefined;
  everyLeaf(value, (leaf) => {
    if (leaf instanceof ExactNumber && !leaf.isKept) found ??= leaf;
    return found === undefined;
  });
  return found;
}

function holdsExact(value: unknown): boolean {
  return !everyLeaf(value, (leaf) => !(leaf instanceof ExactNumber));
}

/** Iterative: what is nested without end is refused elsewhere. False as soon as `check` is. */
function everyLeaf(value: unknown, check: (leaf: unknown) => boolean): boolean {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (isGroup(next)) for (const inner of Object.values(next)) open.push(inner);
    else if (!check(next)) return false;
  }
  return true;
}

function mapped(value: unknown, change: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, change));
  if (!isGroup(value)) return change(value);
  // fromEntries defines members, so "__proto__" stays data.
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapped(inner, change)]));
}

const isGroup = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof ExactNumber);

/** Sign, digits without zeros around them, and the power of ten: the same for the same number. */
function decimalOf(text: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${BigInt(power) - BigInt(fraction.length) + BigInt(digits.length - significant.length)}`;
}
