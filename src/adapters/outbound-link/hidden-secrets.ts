import { looksLikeToken, withoutTokensInPath } from '../../core/token-like.ts';

/** An address as people may see it: its query, where tokens are, tokens in its path and who logs in are left out. */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return 'an address that cannot be used';
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${withoutTokensInPath(pathname, '…')}${search === '' ? '' : '?…'}`;
}

/** Whatever must not be quoted of an address and a token. */
export function secretsOf(url: string, token = ''): readonly string[] {
  const parts = URL.canParse(url) ? partsOf(new URL(url)) : [url];
  return [...parts, token].flatMap((part) => [part, decoded(part)]);
}

function partsOf({ pathname, search, searchParams, username, password }: URL): string[] {
  const raw = search
    .slice(1)
    .split('&')
    .map((pair) => pair.slice(pair.indexOf('=') + 1));
  const inPath = pathname.split('/').filter(looksLikeToken);
  return [search, ...raw, ...searchParams.values(), ...inPath, username, password];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
