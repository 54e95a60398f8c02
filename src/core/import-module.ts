type Import = (url: string) => Promise<Record<string, unknown>>;

/** Given by src/launch.ts: what V8 keeps of a program forgets how to import. */
declare const importForProgram: Import | undefined;

/**
 * `import()` of a file that is no part of this program.
 * @param url `file:…`; rejects with what the module throws
 */
export const importModule: Import = (url) =>
  typeof importForProgram === 'undefined' ? import(url) : importForProgram(url);
