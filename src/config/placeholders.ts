import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './environment.ts';
import { isPlainObject, type PlainObject } from './layers.ts';

/** Text in which variables of the environment have their values, or what of it cannot be known here. */
export type Filled = { readonly text: string } | { readonly fault: string };

const variable = /^(?:env:)?([A-Za-z_]\w*)(?::-([^}]*))?$/;

/**
 * `${NAME}`, `${env:NAME}`, `${NAME:-otherwise}` and `${userHome}`, as other MCP clients write them; `$${` is a plain `${`.
 * What only an editor knows (`${input:key}`, `${workspaceFolder}`) and a variable that is not set are faults: a server that gets
 * the words themselves only answers that it does not know us.
 */
export function filled(text: string, env: Environment): Filled {
  let fault: string | undefined;
  const result = text.replace(/\$?\$\{([^{}]*)\}/g, (written, name: string) => {
    if (written.startsWith('$$')) return written.slice(1);
    if (name === 'userHome') return homeOf(env);
    const [, known, otherwise] = variable.exec(name) ?? [];
    if (known !== undefined && !editorNames.has(known)) {
      const value = env[known] || otherwise;
      if (value !== undefined) return value;
      fault ??= `the variable ${known} of the environment is not set`;
      return '';
    }
    // Anything else is nobody's placeholder.
    if (known === undefined && !/^[A-Za-z]+(:|$)/.test(name)) return written;
    fault ??= `\${${name.slice(0, 40)}} is known to an editor only; write the value there, or the name of a variable`;
    return '';
  });
  return fault === undefined ? { text: result } : { fault };
}

const editorNames = new Set(['workspaceFolder', 'workspaceFolderBasename', 'workspaceRoot', 'pathSeparator']);

/** `~` and `~/…` are the home directory; no shell reads what stands in a file. */
export function fromHome(path: string, env: Environment): string {
  return path === '~' || path.startsWith('~/') ? join(homeOf(env), path.slice(1)) : path;
}

const homeOf = (env: Environment): string => env.HOME || homedir();

/** Fills every text of a value, however deep. The first fault of each is told with its place. */
export function filledValue(value: unknown, place: string, env: Environment, faults: string[]): unknown {
  if (typeof value === 'string') {
    const result = filled(value, env);
    if ('text' in result) return result.text;
    faults.push(`${place}: ${result.fault}`);
    return value;
  }
  if (Array.isArray(value)) return value.map((each) => filledValue(each, place, env, faults));
  if (!isPlainObject(value)) return value;
  const result: PlainObject = {};
  for (const [key, inner] of Object.entries(value))
    Object.defineProperty(result, key, {
      value: filledValue(inner, `${place}.${key}`, env, faults),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return result;
}
