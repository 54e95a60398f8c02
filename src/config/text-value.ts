import { findSetting } from './settings.ts';

/**
 * The value a text from the environment or the command line stands for: text where the setting takes text, else JSON,
 * else the text itself (which the schema then refuses with words).
 */
export function valueOfText(path: readonly string[], text: string): unknown {
  const setting = findSetting(path.join('.'));
  const takesText = setting?.known === true && setting.schema.safeParse(text).success;
  return takesText && !/^\s*[[{]/.test(text) ? text : jsonOr(text);
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
