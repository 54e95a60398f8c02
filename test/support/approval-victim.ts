import { createJsonFileStorage } from '../../src/adapters/storage/json-file.ts';
import { openInstalled } from '../../src/mcp/control/installed.ts';
import { createInstalls } from '../../src/mcp/control/installs.ts';
import { openQuarantine } from '../../src/mcp/control/quarantine.ts';
import { createToolRegistry } from '../../src/mcp/registry.ts';
import type { Tool } from '../../src/mcp/tool.ts';
import type { ToolDefinition } from '../../src/ports/tool-definition.ts';
import { tool } from './mcp-parts.ts';

/**
 * A device on whose control API a tool is installed, approved and replaced by one that says the same and runs another program, as
 * fast as it can. It says which program is offered when it starts, and which it is about to approve, and waits to be killed.
 */
const [, , directory = '', first = '0'] = process.argv;
const say = (line: string) => process.stdout.write(`${line}\n`);
const warn = ({ message }: Error) => process.stderr.write(`${message}\n`);
const storage = createJsonFileStorage({ directory, onDamaged: warn });
const registry = createToolRegistry();
const quarantine = await openQuarantine({ storage, registry, onHeld: () => {} });
const programs = new WeakMap<Tool, string>();

const installs = createInstalls({
  records: await openInstalled(storage, warn),
  quarantine,
  registry,
  readTool: (raw) => raw as unknown as ToolDefinition,
  toolsOf: (definitions) =>
    definitions.map((definition) => {
      const made = tool({ name: definition.name, description: definition.description, source: 'custom' });
      programs.set(made, (definition as unknown as { readonly executable: string }).executable);
      return made;
    }),
  readMount: () => {
    throw new Error('no mounts here');
  },
  mounts: { add: () => Promise.resolve(), remove: () => Promise.resolve() },
  onProblem: warn,
});
await installs.start();
for (const offered of registry.list()) say(`offered ${programs.get(offered)}`);

for (let n = Number(first); ; n++) {
  await installs.installTool({ name: 'adder', description: 'Adds.', executable: `program-${n}` });
  if (n % 2 === 1) continue;
  say(`approves program-${n}`);
  await quarantine.approve(({ tool: { name } }) => name === 'adder');
}
