import { createHash } from 'node:crypto';
import { plainName, plainServerName, readableServerName } from '../../core/plain-name.ts';

/** What language models take for the name of a function. */
export const maxNameCharacters = 64;
const maxServerCharacters = 24;
const digestCharacters = 6;

/**
 * `server__tool`, as a tool of a mounted server is offered: letters, Chinese ones too, digits, `_` and `-`, at most 64. It depends on these two
 * names only, so it is the same after every start. A name that had to be changed ends with a digest of the original, so
 * that `a.b` and `a_b` stay two tools.
 */
export function mountedName(server: string, tool: string): string {
  const prefix = `${serverPart(server)}__`;
  const room = maxNameCharacters - prefix.length;
  const plain = plainName(tool);
  if (plain === tool && tool.length > 0 && tool.length <= room) return prefix + tool;
  return prefix + withDigest(plain, tool, room);
}

function serverPart(name: string): string {
  const plain = plainServerName(name);
  if (plain === '') return withDigest(readableServerName(name) || 'server', name, maxServerCharacters);
  return plain.length <= maxServerCharacters ? plain : withDigest(plain, plain, maxServerCharacters);
}

/** The digest is that of `original`; the beginning never ends with `_`, which would make a `__`. */
export function withDigest(text: string, original: string, maxCharacters: number): string {
  const begin = text.slice(0, maxCharacters - digestCharacters - 1).replace(/_+$/, '');
  return `${begin}_${digestOf(original)}`;
}

const digestOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digestCharacters);
