import { findSetting } from './settings.ts';

/** What stands where a secret is. */
export const HIDDEN = '••••';

const SECRET_NAME = /token|secret|password|passwd|api[-_]?key|hmac|authorization|credential/i;
const SECRET_CONTAINER = /^(env|headers)$/;

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
  return hidden ? HIDDEN : withoutFlagSecret(withoutUrlSecrets(value));
}

/** `["--token", "abc"]` */
function followsSecretFlag(list: readonly unknown[], index: number): boolean {
  const before = list[index - 1];
  return typeof before === 'string' && /^-[^=]*$/.test(before) && SECRET_NAME.test(before);
}

/** `"--token=abc"` and `"TOKEN=abc"` */
function withoutFlagSecret(value: unknown): unknown {
  const name = typeof value === 'string' ? /^[\w-]+(?==)/.exec(value)?.[0] : undefined;
  return name !== undefined && SECRET_NAME.test(name) ? `${name}=${HIDDEN}` : value;
}

function withoutUrlSecrets(value: unknown): unknown {
  return typeof value === 'string' && value.includes('://') ? printableUrl(value) : value;
}

/** A URL without user name, password, query and fragment; text that is no URL loses what follows the first `?`. */
export function printableUrl(text: string): string {
  const [plain = '', ...query] = text.split(/[?#]/);
  const withoutUser = plain.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, `$1${HIDDEN}@`);
  return query.length > 0 ? `${withoutUser}?${HIDDEN}` : withoutUser;
}
