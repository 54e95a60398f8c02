import { describe, expect, it } from 'vitest';
import { createToolRegistry, type RegistryEvent, type ToolGroup } from '../../src/mcp/registry.ts';
import { tool } from '../support/mcp-parts.ts';

const group = (source: ToolGroup['source'], name: string = source, position = 0) => ({
  source,
  name,
  position,
});
const names = (tools: readonly { readonly name: string }[]) => tools.map(({ name }) => name);

describe('the tool registry', () => {
  it('lists built-in before configured before mounted tools, whatever came first', () => {
    const registry = createToolRegistry();
    registry.publish(group('mounted', 'a', 1), [tool({ name: 'a__second' })]);
    registry.publish(group('mounted', 'b', 0), [tool({ name: 'b__first' })]);
    registry.publish(group('custom'), [tool({ name: 'c2' }), tool({ name: 'c1' })]);
    registry.publish(group('builtin'), [tool({ name: 'self.a' })]);
    expect(names(registry.list())).toEqual(['self.a', 'c2', 'c1', 'b__first', 'a__second']);
  });

  it('gives a name to the first and reports the others, also when only servers see them as equal', () => {
    const registry = createToolRegistry();
    const first = tool({ name: 'a.b' });
    registry.publish(group('custom'), [first, tool({ name: 'a_b' })]);
    registry.publish(group('mounted', 'm'), [tool({ name: 'a.b' }), tool({ name: 'a b' })]);
    expect(registry.find('a.b')).toBe(first);
    expect(registry.find('a_b')).toBeUndefined();
    expect(['a.b', 'a_b'].map(registry.groupOf)).toEqual(['custom', undefined]);
    expect(registry.collisions()).toEqual([
      { name: 'a_b', group: 'custom', winner: 'a.b', winnerGroup: 'custom' },
      { name: 'a.b', group: 'm', winner: 'a.b', winnerGroup: 'custom' },
      { name: 'a b', group: 'm', winner: 'a.b', winnerGroup: 'custom' },
    ]);
  });

  it('lets a loser in when the winner goes', () => {
    const registry = createToolRegistry();
    const [winner, loser] = [tool({ name: 'x' }), tool({ name: 'x' })];
    registry.publish(group('custom'), [winner]);
    registry.publish(group('mounted'), [loser]);
    registry.withdraw('custom');
    expect(registry.find('x')).toBe(loser);
    expect(registry.collisions()).toEqual([]);
  });

  it('tells what was installed, updated and removed, and nothing when nothing changed', () => {
    const registry = createToolRegistry();
    const [keep, old, fresh] = [tool({ name: 'keep' }), tool({ name: 'x' }), tool({ name: 'x' })];
    const gone = tool({ name: 'gone' });
    registry.publish(group('custom'), [keep, old, gone]);
    const events: RegistryEvent[] = [];
    const unsubscribe = registry.subscribe((event) => events.push(event));
    const added = tool({ name: 'added' });
    registry.publish(group('custom'), [keep, fresh, added]);
    registry.publish(group('custom'), [keep, fresh, added]);
    expect(events).toEqual([
      { type: 'tool.removed', tool: gone, group: 'custom' },
      { type: 'tool.updated', tool: fresh, group: 'custom' },
      { type: 'tool.installed', tool: added, group: 'custom' },
    ]);
    unsubscribe();
    registry.withdraw('custom');
    expect(events).toHaveLength(3);
  });
});
