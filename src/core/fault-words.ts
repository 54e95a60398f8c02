/** What schemas tell of a fault, as far as words are made of it. */
export interface SchemaFault {
  readonly code?: string | undefined;
  readonly input?: unknown;
  readonly expected?: unknown;
  readonly values?: readonly unknown[] | undefined;
  readonly options?: unknown;
  readonly origin?: string | undefined;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly inclusive?: boolean | undefined;
  readonly keys?: readonly string[] | undefined;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** What a value must be, to be read after its place: `must be text`. Given to schemas, whose own words are for programmers. */
export function faultWords(fault: SchemaFault): string {
  const wanted = wantedBy(fault);
  return fault.input === undefined ? `is missing; it must ${wanted}` : `must ${wanted}`;
}

/** The same for a fault that has been reported without the value it is about. Words of the schema's own stay. */
export function reportedWords(fault: SchemaFault & { readonly message: string }): string {
  const isOwn = fault.code === 'custom' || fault.code === 'invalid_format';
  return isOwn ? fault.message : `must ${wantedBy(fault)}`;
}

function wantedBy({ code, expected, values, options, origin, keys, ...limits }: SchemaFault): string {
  if (code === 'invalid_type') return `be ${kinds[String(expected)] ?? 'of another kind'}`;
  if (code === 'invalid_value') return `be ${oneOf(values ?? [])}`;
  if (code === 'invalid_union' && Array.isArray(options)) return `have a kind: ${oneOf(options)}`;
  if (code === 'unrecognized_keys')
    return `have no ${(keys ?? []).map((key) => JSON.stringify(key)).join(', ')}`;
  if (code === 'too_small') return atLeast(origin, limits);
  if (code === 'too_big') return atMost(origin, limits);
  return 'be of another form';
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? JSON.stringify(values[0]) : `one of ${values.join(', ')}`;
}

function atLeast(origin: string | undefined, { minimum, inclusive }: SchemaFault): string {
  if (origin === 'string' || origin === 'array')
    return minimum === 1 ? 'not be empty' : `have at least ${minimum} ${unitOf(origin)}`;
  return inclusive === false ? `be above ${minimum}` : `be at least ${minimum}`;
}

function atMost(origin: string | undefined, { maximum, inclusive }: SchemaFault): string {
  if (origin === 'string' || origin === 'array') return `have at most ${maximum} ${unitOf(origin)}`;
  return inclusive === false ? `be below ${maximum}` : `be at most ${maximum}`;
}

const unitOf = (origin: 'string' | 'array'): string => (origin === 'string' ? 'characters' : 'entries');
