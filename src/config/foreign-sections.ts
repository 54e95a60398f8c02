import { type Given, isPlainObject } from './layers.ts';

/** What a file gives, in our sections, and a line for each section that is another program's. */
export interface OwnSections {
  readonly given: readonly Given[];
  readonly warnings: readonly string[];
}

/** What other clients call `mcpServers`: VS Code, Codex, Zed; and below `mcp` in the settings of VS Code. */
const serverSections: readonly (readonly string[])[] = [
  ['servers'],
  ['mcp_servers'],
  ['context_servers'],
  ['mcp', 'servers'],
];

/** Sections with which other programs that share the format of the file steer themselves. */
const foreignSections = new Set([
  'connection',
  'modelscope',
  'webUI',
  'platforms',
  'toolCallLog',
  'asr',
  'llm',
  'tts',
  'inputs',
]);

/**
 * A file of another program as far as we share its format: its servers stand in `mcpServers`, and what only that program knows is
 * left out. A server that is in `mcpServers` already stays as it is there.
 */
export function ownSections(file: readonly Given[]): OwnSections {
  const warnings = new Set<string>();
  const own = new Set(file.flatMap(({ path: [section, name] }) => (section === 'mcpServers' ? [name] : [])));
  const given = file.flatMap((one): Given[] => {
    const section = serverSections.find((names) => names.every((name, at) => one.path[at] === name));
    const [top = ''] = one.path;
    if (section) {
      const [name, ...inside] = one.path.slice(section.length);
      const words = section.join('.');
      if (name === undefined && !isPlainObject(one.value)) return [one];
      warnings.add(
        `${words}: unknown key, did you mean "mcpServers"? Its servers are taken as if they stood there`,
      );
      if (name === undefined) return [];
      if (!own.has(name)) return [{ ...one, path: ['mcpServers', name, ...inside] }];
      warnings.add(`${words}.${name}: is in mcpServers, too; the one there counts`);
      return [];
    }
    if (!foreignSections.has(top)) return [one];
    const advice = top === 'platforms' ? '; a token of Coze is read from the variable COZE_TOKEN' : '';
    warnings.add(`${top}: belongs to another program, ignored${advice}`);
    return [];
  });
  return { given, warnings: [...warnings] };
}
