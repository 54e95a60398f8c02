import { printableText } from './printable-text.ts';
import { type Words, words } from './words.ts';

/** An HTTP answer as far as it tells a server from a network that stands before it. */
export interface HttpReply {
  readonly status: number;
  readonly location?: string | undefined;
  /** Its beginning is enough. */
  readonly body: string;
}

/** Where a redirect goes; undefined when it is none, or names nothing usable. */
export function redirectTarget({ status, location = '' }: HttpReply, url: string): URL | undefined {
  if (status < 300 || status >= 400 || location === '' || !URL.canParse(location, url)) return undefined;
  return new URL(location, url);
}

/**
 * A network that wants people to log in first answers in place of everybody: with 511 (RFC 6585), by sending elsewhere for
 * the moment, or with a page for browsers where `url` has none.
 */
export function isLoginPage(reply: HttpReply, url: string): boolean {
  const { status, body } = reply;
  if (status === 511) return true;
  if (status === 200) return /^\s*<(?:!doctype|html|head|meta|script)/iu.test(body);
  if (status !== 302 && status !== 303 && status !== 307) return false;
  const target = redirectTarget(reply, url);
  return target !== undefined && target.hostname !== new URL(url).hostname;
}

/** What to tell of a network that answers in place of the server at `url`; undefined when it was the server. */
export function loginPageWords(reply: HttpReply, url: string): Words | undefined {
  if (!isLoginPage(reply, url)) return undefined;
  const { status } = reply;
  const target = redirectTarget(reply, url);
  if (!target) return words('loginPage', { status });
  const shown = printableText(`${target.protocol}//${target.host}${target.pathname}`, maxTargetCharacters);
  return words('loginPageElsewhere', { status, target: shown });
}

const maxTargetCharacters = 200;
