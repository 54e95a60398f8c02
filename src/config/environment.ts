import type { Given } from './layers.ts';
import { leaves } from './layers.ts';
import { optionKeys } from './options.ts';
import { allSettings } from './settings.ts';
import { nearest } from './suggest.ts';
import { valueOfText } from './text-value.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the configuration file; not a setting itself. */
export const CONFIG_FILE_VARIABLE = 'XIAOZHI_CONFIG';

const PREFIX = 'XIAOZHI_';

/** `audio.frameDurationMs` → `XIAOZHI_AUDIO__FRAME_DURATION_MS`. */
export function variableOf(path: string): string {
  const snake = path.split('.').map((key) => key.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toUpperCase());
  return PREFIX + snake.join('__');
}

/** Settings in XIAOZHI_* variables. Empty variables count as not set; unknown ones are faults. */
export function givenByEnvironment(env: Environment): { given: Given[]; faults: string[] } {
  const names = Object.keys(env).filter((name) => name.startsWith(PREFIX) && name !== CONFIG_FILE_VARIABLE);
  if (names.length === 0) return { given: [], faults: [] };
  const paths = knownVariables();
  const given: Given[] = [];
  const faults: string[] = [];
  for (const name of names.sort()) {
    const text = env[name];
    const path = paths.get(name);
    if (path === undefined) faults.push(unknownVariable(name, [...paths.keys()]));
    else if (text !== undefined && text !== '')
      given.push(...leaves(valueOfText(path, text), path, `environment ${name}`));
  }
  return { given, faults };
}

function knownVariables(): ReadonlyMap<string, string[]> {
  const paths = new Map(allSettings().map(({ path }) => [variableOf(path), path.split('.')]));
  for (const { variable, path } of Object.values(optionKeys)) paths.set(variable, path.split('.'));
  return paths;
}

function unknownVariable(name: string, known: readonly string[]): string {
  const meant = nearest(name, [...known, CONFIG_FILE_VARIABLE]);
  return `${name}: unknown environment variable${meant ? `, did you mean ${meant}?` : ''}`;
}
