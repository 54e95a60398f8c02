import { looksLikeToken } from './token-like.ts';

/** The one place that decides what of a configuration must not come back in a sentence or a line of a log. */
const secretName = /token|secret|pass|pwd|key|auth|credential|cookie|hmac|bearer|signature|session/i;

/** Words that say nothing of anybody, however they are called. */
const harmless =
  /^(?:true|false|yes|no|on|off|null|none|debug|info|warn|error|production|development|-?[\d.]+|[a-z]{2}([-_][A-Z]{2})?(\.UTF-8)?)$/i;
/** A path or an address without a login is quoted to say where something is. */
const place = /^(?:[.~]{0,2}\/|[a-z][a-z0-9+.-]*:\/\/)/i;
/** Shorter values occur in ordinary words. */
const minCharacters = 8;

export const isSecretName = (name: string): boolean => secretName.test(name);

/**
 * The secrets among named settings, such as the environment of a program: what a name calls one, and what may be one whatever its
 * name. Values that are no text are looked into.
 */
export function secretsOfSettings(settings: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => secretsOfSetting(name, value));
}

function secretsOfSetting(name: string, value: unknown): string[] {
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([inner, each]) =>
      secretsOfSetting(Array.isArray(value) ? name : inner, each),
    );
  if (typeof value !== 'string' || value === '') return [];
  if (isSecretName(name)) return withAndWithoutScheme(value);
  if (looksLikeToken(value)) return [value];
  if (place.test(value)) return secretsOfUrl(value);
  return value.length >= minCharacters && !harmless.test(value) ? [value] : [];
}

/** `--token abc`, `--token=abc`, `--header "Authorization: Bearer abc"`, `postgres://user:abc@host`, and what looks like a token. */
export function secretsOfArguments(words: readonly string[]): string[] {
  return words.flatMap((word, at) => secretsOfArgument(word, words[at - 1]));
}

function secretsOfArgument(argument: string, before = ''): string[] {
  const [, name = '', value = ''] = /^((?:-[\w-]+=)?-*[\w-]+)\s*[=:]\s*(?!\/\/)(.+)$/s.exec(argument) ?? [];
  if (isSecretName(name)) return withAndWithoutScheme(value);
  if (/^-[^=]*$/.test(before) && isSecretName(before)) return [argument];
  const plain = argument.replace(/^-[\w-]+=/, '');
  return looksLikeToken(plain) ? [plain] : secretsOfUrl(plain);
}

/** Login, query and parts of the path that look like tokens. */
export function secretsOfUrl(text: string): string[] {
  if (!text.includes('://') || !URL.canParse(text)) return [];
  const { password, pathname, searchParams } = new URL(text);
  const login = password === '' ? [] : [password, decoded(password)];
  return [...login, ...searchParams.values(), ...pathname.split('/').filter(looksLikeToken)];
}

/** `Bearer abc` is quoted without its scheme as well. */
export const withAndWithoutScheme = (value: string): string[] => [value, value.replace(/^\w+ +/, '')];

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
