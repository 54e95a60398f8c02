import { looksLikeToken, withoutTokensInPath } from './token-like.ts';

/**
 * The one place that decides what is secret: by the name of a setting, by the place in an address, a command line or a text, and
 * by what a value looks like. Reports, logs, events and sentences ask here.
 */

/** What stands where a secret was. */
export const hiddenMark = '••••';

/** Words of a name that make it that of a secret wherever they stand: `TOKEN_GITHUB`, `db-password`. */
const secretWords: ReadonlySet<string> = new Set([
  ...['token', 'secret', 'secrets', 'password', 'passwords', 'passwd', 'passphrase', 'passcode', 'pwd'],
  ...['credential', 'credentials', 'creds', 'authorization', 'cookie', 'cookies', 'hmac', 'bearer', 'jwt'],
]);
/** Only at its end: `apiKey`, `X-Auth`, but not `keyFile` and `authUrl`. */
const secretLastWords: ReadonlySet<string> = new Set(['key', 'auth', 'pass', 'session', 'signature', 'sig']);
/** In one word: `apikey`, `accesstoken`, `mypassword`. */
const secretEnd =
  /(?:token|secret|password|passwd|passphrase|passwort|authorization|credentials?|cookies?|(?:api|app|auth|access|secret|private|public|session|encryption|hmac|ssl|ssh|signing|license)key)$/;
/** What a name like this holds says where or how many, not what. */
const harmlessLastWords: ReadonlySet<string> = new Set([
  ...['count', 'limit', 'estimate', 'budget', 'type', 'header', 'query', 'name', 'length', 'expires'],
  ...['file', 'path', 'dir', 'directory', 'url', 'uri', 'endpoint', 'sock', 'socket'],
]);
/** Variables of every session: where a shell is, which desktop it belongs to. */
const wellKnown: ReadonlySet<string> = new Set(['PWD', 'OLDPWD', 'DESKTOP_SESSION']);
const maxNameCharacters = 200;

/** Whether a setting, a header, a variable or a member of this name holds a secret. */
export function isSecretName(name: string): boolean {
  if (wellKnown.has(name)) return false;
  const words = wordsOf(name.slice(0, maxNameCharacters));
  const last = words.at(-1);
  if (last === undefined || (words.length > 1 && harmlessLastWords.has(last))) return false;
  return (
    secretLastWords.has(last) || words.some((word) => secretWords.has(word)) || secretEnd.test(words.join(''))
  );
}

/** `hmacKey`, `HMAC_KEY`, `hmac-key` and `hmacKey2` are the same. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '');

/** Words that say nothing of anybody, however they are called. */
const harmless =
  /^(?:true|false|yes|no|on|off|null|none|auto|debug|info|warn|error|production|development|-?[\d.]+|[a-z]{2}([-_][A-Z]{2})?(\.UTF-8)?)$/i;
/** A path or an address without a login is quoted to say where something is. */
const place = /^(?:[.~]{0,2}\/|[a-z][a-z0-9+.-]*:\/\/)/i;
/** Shorter values occur in ordinary words. */
const minCharacters = 8;

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
  return words.flatMap((word, at) => {
    const named = namedSecrets(word, words[at - 1]);
    if (named) return named;
    const plain = word.replace(/^-[\w-]+=/, '');
    return looksLikeToken(plain) ? [plain] : secretsOfUrl(plain);
  });
}

function namedSecrets(word: string, before = ''): string[] | undefined {
  const [, name = '', value = ''] = /^((?:-[\w-]+=)?-*[\w-]+)\s*[=:]\s*(?!\/\/)(.+)$/s.exec(word) ?? [];
  if (isSecretName(name)) return withAndWithoutScheme(value);
  return isFlagOfSecret(before) ? [word] : undefined;
}

/** `--token`, whose value is the next word. */
export const isFlagOfSecret = (word: string): boolean => /^-[^=]*$/.test(word) && isSecretName(word);

/** Login, query, fragment and parts of the path that look like tokens; written as they are and decoded. */
export function secretsOfUrl(text: string): string[] {
  if (!text.includes('://') || !URL.canParse(text)) return [];
  const { password, pathname, search, searchParams, hash } = new URL(text);
  const raw = search
    .slice(1)
    .split('&')
    .map((pair) => pair.slice(pair.indexOf('=') + 1));
  const parts = [
    password,
    ...raw,
    ...searchParams.values(),
    hash.slice(1),
    ...pathname.split('/').filter(looksLikeToken),
  ];
  return unique(parts.flatMap((part) => [part, decoded(part)]));
}

/** Whatever must not be quoted of the address and the token of a connection to others; who logs in is no business of theirs. */
export function secretsOfConnection(url: string, token = ''): string[] {
  if (!URL.canParse(url)) return unique([url, token]);
  const { username, search } = new URL(url);
  return unique([search, username, decoded(username), ...secretsOfUrl(url), token, decoded(token)]);
}

/** `Bearer abc` is quoted without its scheme as well. */
export const withAndWithoutScheme = (value: string): string[] => [value, value.replace(/^\w+ +/, '')];

/** Those of our own environment: most of it is nobody's secret. */
export const secretsOfEnvironment = (env: Readonly<Record<string, string | undefined>>): string[] =>
  Object.entries(env).flatMap(([name, value]) =>
    value && isSecretName(name) && !place.test(value) ? withAndWithoutScheme(value) : [],
  );

/** Sections in which any value may be a secret. */
const openSections: ReadonlySet<string> = new Set(['env', 'headers', 'context', 'query']);

/**
 * The secrets in a configuration, or in an answer of a server, as far as names and places tell: what such a value must not come
 * back in, whoever says it.
 */
export function secretsOfConfiguration(value: unknown, name = ''): string[] {
  if (typeof value === 'string') return secretsOfText(name, value);
  if (Array.isArray(value)) {
    const words = value.filter((each): each is string => typeof each === 'string');
    return [...secretsOfArguments(words), ...value.flatMap((each) => secretsOfConfiguration(each, name))];
  }
  if (typeof value !== 'object' || value === null) return [];
  if (openSections.has(name)) return secretsOfSettings(value as Readonly<Record<string, unknown>>);
  return Object.entries(value).flatMap(([key, each]) => secretsOfConfiguration(each, key));
}

function secretsOfText(name: string, value: string): string[] {
  if (isSecretName(name)) return withAndWithoutScheme(value);
  // What is no address may be the token that belongs into one.
  if (/(?:url|endpoint)$/i.test(name) && looksLikeToken(value)) return [value];
  const words = value.split(/[\s"']+/);
  return words.flatMap((word, at) => namedSecrets(word, words[at - 1]) ?? secretsOfUrl(word));
}

/** The secrets of a run, as they become known. */
export interface KnownSecrets {
  add(secrets: readonly string[]): void;
  /** The text without them. */
  hide(text: string): string;
}

const minKnownCharacters = 4;
/** A server may give new ones again and again. */
const maxKnown = 1000;

export function createKnownSecrets(): KnownSecrets {
  let newestFirst: readonly string[] = [];
  let known: readonly string[] = [];
  return {
    add(secrets) {
      const fresh = secrets
        .flatMap((secret) => [secret, encoded(secret), JSON.stringify(secret).slice(1, -1)])
        .filter((secret) => secret.length >= minKnownCharacters && !isOrdinary(secret));
      newestFirst = unique([...fresh, ...newestFirst]).slice(0, maxKnown);
      // The longest first: one may be part of another.
      known = [...newestFirst].sort((a, b) => b.length - a.length);
    },
    hide: (text) => known.reduce((rest, secret) => rest.replaceAll(secret, hiddenMark), text),
  };
}

/** Where it was hidden everywhere, nothing could be read any more. */
const isOrdinary = (secret: string): boolean => harmless.test(secret) && !/^\d{6,}$/.test(secret);

const namedInUrl = /([?&;])([\w.~%-]{1,64})=([^&#\s"']+)/g;
const namedInJson = /((?<!\\)")([\w .~-]{1,64})("\s*:\s*")(?:[^"\\]|\\.)+/g;
const namedInQuotedJson = /(\\")([\w .~-]{1,64})(\\"\s*:\s*\\")[^"\\]+/g;
const assigned = /(?<![?&;\w.~%-])(-{0,2}[A-Za-z][\w.-]{0,63})=("[^"]*"|'[^']*'|[^\s"'&]+)/g;
const afterFlag = /(?<![\w-])(--?[A-Za-z][\w-]{0,63})(\s+)("[^"]*"|'[^']*'|(?![-\s])[^\s"']+)/g;
/** In a sentence an ordinary word may follow; what is secret has digits, or is long. */
const withScheme =
  /\b(Bearer\s+|(?:Proxy-)?Authorization["']?\s*[:=]\s*["']?(?:\w+\s+)?)(?=\S*\d|\S{16})[\w+/=.~-]{6,}/gi;
/** The word is an ordinary one, too. */
const basic = /\b(Basic\s+)(?=[A-Za-z+/]*[\d=])[\w+/=]{6,}/g;
const inHeader = /(^|[\s"'=])([A-Za-z][\w-]{0,63})(:\s+(?:(?:Bearer|Basic|Token)\s+)?)([^\s"',;]+)/gi;
const userInfo = /(\b[a-z][\w+.-]{0,20}:\/\/)[^\s/@"']*@/gi;

/** Any text without the secrets that URLs, headers, JSON, environments and command lines carry. */
export function withoutSecrets(text: string, mark = hiddenMark): string {
  const inJson = (whole: string, open: string, name: string, middle: string) =>
    unlessHarmless(name, whole, `${open}${name}${middle}${mark}`);
  const unlessHarmless = (name: string, whole: string, hidden: string) =>
    isSecretName(name) ? hidden : whole;
  return text
    .replace(withScheme, `$1${mark}`)
    .replace(basic, `$1${mark}`)
    .replace(userInfo, `$1${mark}@`)
    .replace(namedInUrl, (whole, before, name) => unlessHarmless(name, whole, `${before}${name}=${mark}`))
    .replace(namedInJson, inJson)
    .replace(namedInQuotedJson, inJson)
    .replace(assigned, (whole, name) => unlessHarmless(name, whole, `${name}=${mark}`))
    .replace(afterFlag, (whole, flag, space) => (isFlagOfSecret(flag) ? `${flag}${space}${mark}` : whole));
}

/** A command line: as any text, and `X-Api-Key: abc`, `curl … https://me:abc@host/?q=abc`. */
export const withoutSecretsInLine = (line: string): string =>
  withoutSecrets(
    line
      .replace(/[^\s"'=]+:\/\/[^\s"']+/g, (url) => shownUrl(url))
      .replace(inHeader, (whole, before, name, colon) =>
        isSecretName(name) ? `${before}${name}${colon}${hiddenMark}` : whole,
      ),
  );

/** An address as people may see it: without login, query and fragment, and without tokens in its path. What is none loses what follows its first `?`. */
export function shownUrl(text: string, mark = hiddenMark): string {
  const [plain = '', ...query] = text.split(/[?#]/);
  const withoutUser = plain.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, `$1${mark}@`);
  const [, host = '', path = ''] = /^(.*?:\/\/[^/]*|)(.*)$/s.exec(withoutUser) ?? [];
  const shown = `${host}${withoutTokensInPath(path, mark)}`;
  return query.length > 0 ? `${shown}?${mark}` : shown;
}

/** Where a connection to others leads: nobody's login, and no more of it than tells it from others. */
export function shownConnection(url: string): string {
  if (!URL.canParse(url)) return 'an address that cannot be used';
  const { protocol, host, pathname, search } = new URL(url);
  return shownUrl(`${protocol}//${host}${pathname}${search}`, '…');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function encoded(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return text;
  }
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)].filter((text) => text !== '');
