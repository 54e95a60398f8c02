import { findSetting } from './settings.ts';

/** What stands where a secret is. */
export const HIDDEN = '••••';

const SECRET_NAME = /token|secret|password|passwd|api[-_]?key|hmac|authorization|credential/i;
const SECRET_CONTAINER = /^(env|headers)$/;
/** With a scheme, or with a query where somebody forgot the scheme. */
const URL_LIKE = /:\/\/|\?[\w-]+=/;
/** Whole command lines in one text. */
const COMMAND_LINE = /^(executable|command)$/;
const SECRET_IN_LINE = new RegExp(
  `((?:${SECRET_NAME.source})[\\w-]*["']?(?:\\s*[=:]\\s*|\\s+)["']?(?:(?:Bearer|Basic)\\s+)?)[^\\s"']+`,
  'gi',
);

/** A configuration value as it may be printed: secrets hidden, credentials and queries of URLs too. */
export function printable(path: string, value: unknown): unknown {
  if (value === undefined) return undefined;
  const setting = findSetting(path);
  if (setting?.secret) return HIDDEN;
  return setting?.known ? withoutUrlSecrets(value) : hideNested(path.split('.'), value);
}

function hideNested(path: readonly string[], value: unknown): unknown {
  if (Array.isArray(value))
    return value.map((item, index) => (followsSecretFlag(value, index) ? HIDDEN : hideNested(path, item)));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, hideNested([...path, key], inner)]),
    );
  const hidden =
    typeof value !== 'boolean' && path.some((part) => SECRET_NAME.test(part) || SECRET_CONTAINER.test(part));
  if (hidden) return HIDDEN;
  if (typeof value !== 'string') return value;
  return COMMAND_LINE.test(path.at(-1) ?? '')
    ? withoutSecretsInLine(value)
    : withoutNamedSecret(withoutUrlSecrets(value));
}

/** `["--token", "abc"]` */
function followsSecretFlag(list: readonly unknown[], index: number): boolean {
  const before = list[index - 1];
  return typeof before === 'string' && /^-[^=]*$/.test(before) && SECRET_NAME.test(before);
}

/** `"--token=abc"`, `"TOKEN=abc"` and `"Authorization: Bearer abc"` */
function withoutNamedSecret(text: string): string {
  const name = /^(?:-[\w-]+=)?[\w-]+\s*[=:]\s*(?!\/\/)/.exec(text)?.[0];
  return name !== undefined && SECRET_NAME.test(name) ? `${name}${HIDDEN}` : text;
}

/** `curl --token abc -H "Authorization: Bearer abc" https://me:abc@host/?key=abc` */
const withoutSecretsInLine = (line: string): string =>
  line.replace(/[^\s"'=]+:\/\/[^\s"']+/g, printableUrl).replace(SECRET_IN_LINE, `$1${HIDDEN}`);

function withoutUrlSecrets<Value>(value: Value): Value | string {
  return typeof value === 'string' && URL_LIKE.test(value) ? printableUrl(value) : value;
}

/** A URL without user name, password, query and fragment; text that is no URL loses what follows the first `?`. */
export function printableUrl(text: string): string {
  const [plain = '', ...query] = text.split(/[?#]/);
  const withoutUser = plain.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, `$1${HIDDEN}@`);
  return query.length > 0 ? `${withoutUser}?${HIDDEN}` : withoutUser;
}
