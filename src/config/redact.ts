import { hiddenMark, isFlagOfSecret, isSecretName, shownUrl, withoutSecretsInLine } from '../core/secrets.ts';
import { isPlainObject } from './layers.ts';
import { findSetting } from './settings.ts';
import { anyName, type Shown, type ShownLeaf, shownKeys } from './shown-keys.ts';

/** What stands where a secret is. */
export const HIDDEN = hiddenMark;

/** With a scheme, or with a query where somebody forgot the scheme. */
const URL_LIKE = /:\/\/|\?[\w-]+=/;
/** Settings with whole command lines in one text. */
const COMMAND_LINE = /Command$/;

/**
 * A configuration value as it may be printed: secrets hidden, credentials and queries of URLs, too, and whatever stands under a
 * key that nobody knows.
 */
export function printable(path: readonly string[], value: unknown): unknown {
  if (value === undefined) return undefined;
  const setting = findSetting(path.join('.'));
  if (setting?.secret) return HIDDEN;
  if (!setting?.known) return ofSection(path, value);
  return ofSetting(COMMAND_LINE.test(path.at(-1) ?? '') ? 'line' : 'value', value);
}

/** It may be of another kind than the setting wants, and then hold what that would not. */
function ofSetting(leaf: 'line' | 'value', value: unknown): unknown {
  if (typeof value === 'string')
    return leaf === 'line' ? withoutSecretsInLine(value) : withoutUrlSecrets(value);
  if (Array.isArray(value))
    return value.map((each, index) => (followsSecretFlag(value, index) ? HIDDEN : ofSetting(leaf, each)));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      printableName(key),
      isSecretName(key) ? HIDDEN : ofSetting(leaf, inner),
    ]),
  );
}

/** What is no name may be what belongs behind one. */
const printableName = (key: string): string => (/^[\w.-]{1,100}$/.test(key) ? key : HIDDEN);

/** Of the forms a section may have, those count that lead to the value. */
function ofSection([section = '', ...path]: readonly string[], value: unknown): unknown {
  const forms = Object.hasOwn(shownKeys, section) ? (shownKeys[section] ?? []) : [];
  return shown(path.reduce(inside, forms), value);
}

/** What may be shown of the member `key`, or of every item of a list. */
function inside(forms: readonly Shown[], key: string): readonly Shown[] {
  // Both spellings are understood.
  const camel = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return forms.flatMap((form) => {
    if (typeof form === 'string' || isList(form)) return [];
    const found = Object.hasOwn(form, camel) ? form[camel] : form[anyName];
    return found === undefined ? [] : [found];
  });
}

function shown(forms: readonly Shown[], value: unknown): unknown {
  if (value === null || typeof value === 'boolean') return value;
  const leaf = forms.find((form) => typeof form === 'string');
  if (leaf === 'schema') return value;
  if (Array.isArray(value)) {
    if (leaf === 'words') return value.map((_, index) => printableWord(value, index));
    const items = forms.flatMap((form): readonly Shown[] => {
      if (form === 'values') return ['value'];
      return isList(form) ? form : [];
    });
    return value.map((item) => shown(items, item));
  }
  if (isPlainObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        const known = inside(forms, key);
        return [known.length > 0 ? key : printableName(key), shown(known, inner)];
      }),
    );
  return leaf === undefined ? HIDDEN : printableLeaf(leaf, value);
}

const isList = (form: Shown): form is readonly [Shown] => Array.isArray(form);

function printableLeaf(leaf: ShownLeaf, value: unknown): unknown {
  if (leaf === 'words' || leaf === 'values') return HIDDEN;
  if (typeof value !== 'string') return value;
  // What is no address may be the token that belongs into one.
  if (leaf === 'address' && !isAddress(value)) return HIDDEN;
  return leaf === 'line' ? withoutSecretsInLine(value) : withoutNamedSecret(withoutUrlSecrets(value));
}

function printableWord(words: readonly unknown[], index: number): unknown {
  const word = words[index];
  if (followsSecretFlag(words, index)) return HIDDEN;
  return typeof word === 'object' && word !== null ? HIDDEN : printableLeaf('value', word);
}

/** `["--token", "abc"]` */
function followsSecretFlag(list: readonly unknown[], index: number): boolean {
  const before = list[index - 1];
  return typeof before === 'string' && isFlagOfSecret(before);
}

const isAddress = (text: string): boolean => /^\s*(?:https?|wss?):\/\/[^\s/]/i.test(text);

/** `"--token=abc"`, `"TOKEN=abc"` and `"Authorization: Bearer abc"` */
function withoutNamedSecret(text: string): string {
  const name = /^(?:-[\w-]+=)?[\w-]+\s*[=:]\s*(?!\/\/)/.exec(text)?.[0];
  return name !== undefined && isSecretName(name) ? `${name}${HIDDEN}` : text;
}

function withoutUrlSecrets<Value>(value: Value): Value | string {
  return typeof value === 'string' && URL_LIKE.test(value) ? shownUrl(value) : value;
}
