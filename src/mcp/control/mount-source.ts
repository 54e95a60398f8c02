import type { MountedServerDefinition } from '../../ports/mounted-server.ts';
import type { ToolsSource } from './quarantine.ts';

/** The tools of a mounted server: trusted as its definition says, approved for this program or address, whatever its secrets. */
export function sourceOf({ target, trusted }: MountedServerDefinition): ToolsSource {
  const definition =
    target.type === 'stdio'
      ? { command: target.command, args: target.args, cwd: target.cwd }
      : { url: target.url };
  return { isTrusted: () => trusted, definitionOf: () => definition };
}
