import { parse } from 'shell-quote';

/**
 * A command line as its words: quotes and backslashes group, `$NAME` stays as it is. Undefined when it needs a shell
 * (pipes, redirections, `&`, patterns) or holds no word; no shell ever sees it.
 */
export function commandWords(line: string): readonly [string, ...string[]] | undefined {
  // Told to stand for themselves, variables survive; the library would leave them out.
  const parts = parse(line, (name) => `$${name}`);
  const words: string[] = [];
  for (const part of parts) {
    if (typeof part === 'string') words.push(part);
    else if ('op' in part && part.op === 'glob' && 'pattern' in part) words.push(part.pattern);
    else return undefined;
  }
  const [program, ...rest] = words;
  return program ? [program, ...rest] : undefined;
}
