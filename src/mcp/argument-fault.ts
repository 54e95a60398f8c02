import { printableText } from '../core/printable-text.ts';

const maxCharacters = 200;

/** What the validator found, innermost last, as `#/place/lat: Instance type "string" is invalid. …; #/place/lat: …`. */
const separator = /; (?=#(?:\/|:))/;

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

/** The subject of a sentence, and how it goes on. */
type Say = (where: string, found: readonly string[]) => string;

const that = (goesOn: string): Say => {
  return (where, found) =>
    `${where} ${goesOn.replace(/\{(\d)\}/g, (_, index: string) => found[Number(index)] ?? '')}`;
};

/** What the validator says, and what we say. Whatever it says besides is told in general words. */
const sentences: readonly (readonly [RegExp, Say])[] = [
  [
    /^Instance type "(.*?)" is invalid\. Expected "(.*)"\.$/s,
    (where, [, given = '', wanted = '']) =>
      `${where} must be ${wanted.split('", "').map(kindOf).join(' or ')}, not ${kindOf(given)}`,
  ],
  [
    /^Instance does not have required property "(.*)"\.$/s,
    (where, [, key = '']) => `${inside(where, key)} is missing`,
  ],
  [
    /^Instance has "(.*?)" but does not have "(.*)"\.$/s,
    (where, [, key = '', other = '']) => `${inside(where, other)} is missing beside ${inside(where, key)}`,
  ],
  [/^False boolean schema\.$/, that('is not an argument of it')],
  [/^Instance does not match any of \[(.*)\]\.$/s, that('must be one of: {1}')],
  [
    /^Instance does not match (any subschemas|every subschema|exactly one subschema.*)\.$/s,
    that('has none of the forms that it may have'),
  ],
  [/^Instance does not match "(?:then|else)" schema\.$/, that('does not go with the other arguments')],
  [/^Instance matched "not" schema\.$/, that('has a value that it must not have')],
  [/^Instance does not match (.*)\.$/s, that('must be {1}')],
  [/^(\S+) is less than (?:or equal to )? ?(\S+)\.$/, that('is {1}, which is too small (the bound is {2})')],
  [
    /^(\S+) is greater than (?:or equal to )? ?(\S+)\.$/,
    that('is {1}, which is too large (the bound is {2})'),
  ],
  [/^(\S+) is not a multiple of (\S+)\.$/, that('is {1}, which is no multiple of {2}')],
  [/^String is too short \((\d+) < (\d+)\)\.$/, that('has {1} characters and must have {2} at least')],
  [/^String is too long \((\d+) > (\d+)\)\.$/, that('has {1} characters and must have {2} at most')],
  [/^String does not match pattern\.$/, that('does not have the form that its schema asks for')],
  [/^Array has too many items \((\d+) > (\d+)\)\.$/, that('has {1} items and must have {2} at most')],
  [/^Array has too few items \((\d+) < (\d+)\)\.$/, that('has {1} items and must have {2} at least')],
  [/^Duplicate items at indexes (\d+) and (\d+)\.$/, that('holds the same item twice (items {1} and {2})')],
  [/^Array /, that('does not hold the items that it must hold')],
  [/^Instance does not have at least \d+ properties\.$/, that('has too few or too many members')],
  [/^Property name "(.*)" does not match schema\.$/s, that('must not have a member called "{1}"')],
];

const choices = /^Instance (?:does not match (?:any subschemas|exactly one)|matched "not")/;

/** What is wrong with the arguments in words of ours, as `"city" is missing.`; `found`: in those of the validator. */
export function spokenFault(found: string): string {
  const all = found.split(separator).map(partsOf);
  // Of several forms the last to be tried says nothing of what was meant.
  const { path, fault } = all.find((one) => choices.test(one.fault)) ?? all.at(-1) ?? partsOf('');
  return printableText(`${sentenceOf(path, fault)}.`, maxCharacters);
}

interface Fault {
  readonly path: string;
  readonly fault: string;
}

function partsOf(line: string): Fault {
  const [, path = '', fault = line] = /^#?\/?([^:]*): (.*)$/s.exec(line) ?? [];
  return { path: path.split('/').map(plainStep).join('.'), fault };
}

const plainStep = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~');

function sentenceOf(path: string, fault: string): string {
  const where = path === '' ? 'what was given' : `"${path}"`;
  for (const [pattern, say] of sentences) {
    const words = pattern.exec(fault);
    if (words) return say(where, [...words]);
  }
  return `${where} is not what the tool takes`;
}

const kindOf = (type: string): string => kinds[type] ?? type;

const inside = (where: string, key: string): string =>
  where.startsWith('"') ? `${where.slice(0, -1)}.${key}"` : `"${key}"`;
