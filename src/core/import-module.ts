import { constants, Script } from 'node:vm';

type Import = (url: string) => Promise<Record<string, unknown>>;

/**
 * `import()` of a file that is no part of this program. What V8 keeps of a program (src/launch.ts) forgets how to import, so
 * this is compiled anew; before Node 20.12 nothing is kept, and the words of a function can do it as well.
 * @param url `file:…`; rejects with what the module throws
 */
export const importModule: Import = (url) => {
  const importModuleDynamically = constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  const load =
    importModuleDynamically === undefined
      ? (new Function('url', 'return import(url)') as Import)
      : (new Script('(url) => import(url)', { importModuleDynamically }).runInThisContext() as Import);
  return load(url);
};
