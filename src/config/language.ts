import type { Environment } from './environment.ts';
import type { Config } from './schema.ts';

/** The languages the device speaks, as servers want them in `Accept-Language` (firmware A12). */
export type Language = 'en-US' | 'zh-CN';

/** `auto` is the language of the environment's locale, English unless Chinese. */
export function resolveLanguage(setting: Config['display']['language'], env: Environment): Language {
  if (setting !== 'auto') return setting === 'zh-CN' ? 'zh-CN' : 'en-US';
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || '';
  return locale.startsWith('zh') ? 'zh-CN' : 'en-US';
}
