import type { StatusEvent } from '../../ports/status-display.ts';
import type { ToolRegistry } from '../registry.ts';
import type { HeldTool } from './quarantine.ts';

/** Tells from now on what comes and goes in the list of tools. Returns what ends it. */
export function tellToolChanges(
  registry: Pick<ToolRegistry, 'subscribe'>,
  show: (event: StatusEvent) => void,
): () => void {
  return registry.subscribe(({ type, tool: { name, source }, group }) => show({ type, name, source, group }));
}

export function heldEvent({ tool: { name, source }, group }: HeldTool): StatusEvent {
  return { type: 'tool.held', name, source, group };
}
