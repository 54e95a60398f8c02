import type { LazyTransliteration, Transliterate } from '../ports/transliteration.ts';
import { maxNameCharacters, withDigest } from './mounts/mounted-names.ts';

/** Names of tools for clients that take ASCII letters only, and back. */
export interface AsciiNames {
  of(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/**
 * `天气__查询` → `tian_qi__cha_xun_5b1f3c`. A name depends on its original alone and ends with a digest of that, so that it is the same
 * after every start and never that of another. Where the letters cannot be put into others they are left out.
 */
export function createAsciiNames(load: LazyTransliteration): AsciiNames {
  const known = new Map<string, string>();
  return {
    async of(names) {
      const foreign = names.filter((name) => /\P{ASCII}/u.test(name));
      if (foreign.some((name) => !known.has(name))) {
        const transliterate = await load().catch((): Transliterate => (text) => text);
        for (const name of foreign) known.set(name, asciiName(name, transliterate));
      }
      return new Map(names.map((name) => [name, known.get(name) ?? name]));
    },
  };
}

function asciiName(name: string, transliterate: Transliterate): string {
  const plain = transliterate(name)
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9_.-]+/g, '_')
    .replace(/^_+/, '');
  return withDigest(plain === '' ? 'tool' : plain, name, maxNameCharacters);
}

/** A description that says what the tool is called, where its name does not. */
export const withOriginal = (name: string, description: string): string =>
  description.includes(name) ? description : `${name}: ${description}`;
