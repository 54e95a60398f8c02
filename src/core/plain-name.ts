/**
 * Text as part of a tool's name: letters, Chinese ones too, digits, `_` and `-` stay, what else there is becomes `_`. Servers keep
 * the same in the name of a function (servers.md 1.10).
 */
export function plainName(text: string): string {
  return text.replace(/[^A-Za-z0-9_\-\u4e00-\u9fff]/gu, '_');
}

/**
 * The name of a server as part of the names of its tools. It holds no `__` and neither begins nor ends with `_`, so that
 * `server__tool` can be read in one way only. Empty when what tells servers apart would be lost: nothing of the name can be
 * kept, or it holds letters of alphabets that cannot.
 */
export function plainServerName(name: string): string {
  return /[^\p{ASCII}\u4e00-\u9fff]/u.test(name) ? '' : readableServerName(name);
}

/** What of the name of a server can be kept; servers of different names may share it. */
export function readableServerName(name: string): string {
  return plainName(name).replace(/_{2,}/g, '_').replace(/^_|_$/g, '');
}
