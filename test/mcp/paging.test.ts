import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageOf, unlistable } from '../../src/mcp/paging.ts';
import type { Tool } from '../../src/mcp/tool.ts';
import { tool } from '../support/mcp-parts.ts';

const size = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

function allPages(tools: readonly Tool[], maxBytes: number) {
  const pages = [];
  let cursor: string | undefined;
  do {
    const page = pageOf(tools, { cursor, maxBytes });
    pages.push(page);
    cursor = page.nextCursor;
  } while (cursor !== undefined && pages.length < 1000);
  return pages;
}

/** Its JSON has exactly so many bytes. */
function toolOfSize(name: string, bytes: number): Tool {
  const empty = size({ name, description: '', inputSchema: { type: 'object' } });
  return tool({ name, description: 'x'.repeat(bytes - empty) });
}

describe('pages of tools/list', () => {
  it('says {"tools":[]} when there are none', () => {
    expect(pageOf([])).toEqual({ tools: [] });
  });

  it('lists a tool as the firmware does', () => {
    const schema = {
      type: 'object',
      properties: { volume: { type: 'integer' } },
      required: ['volume'],
    } as const;
    const tools = [
      tool({ name: 'a', description: 'A', inputSchema: schema }),
      tool({ name: 'b', description: 'B', audience: 'user' }),
    ];
    expect(JSON.stringify(pageOf(tools))).toBe(
      '{"tools":[{"name":"a","description":"A","inputSchema":{"type":"object","properties":{"volume":{"type":"integer"}},"required":["volume"]}},' +
        '{"name":"b","description":"B","inputSchema":{"type":"object"},"annotations":{"audience":["user"]}}]}',
    );
  });

  it('takes a tool of 7959 bytes and leaves one of 7960 out, as the firmware reckons', () => {
    const [fits, not] = [toolOfSize('fits', 7959), toolOfSize('not', 7960)];
    expect(pageOf([not, fits]).tools.map(({ name }) => name)).toEqual(['fits']);
    expect(unlistable([not, fits])).toEqual(['not']);
  });

  it('leaves a tool out that has no room for the cursor behind it', () => {
    const tools = [toolOfSize('a', 7950), tool({ name: 'n'.repeat(100) })];
    expect(unlistable(tools)).toEqual(['a']);
    expect(allPages(tools, 8000)).toMatchObject([{ tools: [{ name: 'n'.repeat(100) }] }]);
  });

  it('starts the next page with the first tool that did not fit', () => {
    const tools = [toolOfSize('a', 3000), toolOfSize('b', 3000), toolOfSize('c', 3000)];
    expect(
      allPages(tools, 8000).map(({ tools, nextCursor }) => [tools.map(({ name }) => name), nextCursor]),
    ).toEqual([
      [['a', 'b'], 'c'],
      [['c'], undefined],
    ]);
  });

  it('puts no more than 32 tools on a page, because gateways drop pages with more', () => {
    const tools = Array.from({ length: 33 }, (_, i) => tool({ name: `t${i}` }));
    expect(allPages(tools, 8000).map(({ tools }) => tools.length)).toEqual([32, 1]);
  });

  it('refuses a cursor that names no tool in the words of the firmware', () => {
    expect(() => pageOf([tool({ name: 'a' })], { cursor: 'gone' })).toThrow(
      expect.objectContaining({
        code: 'TOOL_ARGUMENTS_INVALID',
        message: 'Failed to add tool  because of payload size limit',
      }),
    );
  });

  it('leaves out a schema that is no JSON', () => {
    const cyclic: Record<string, unknown> & { type: 'object' } = { type: 'object' };
    cyclic.self = cyclic;
    const tools = [tool({ name: 'bad', inputSchema: cyclic }), tool({ name: 'good' })];
    expect(unlistable(tools)).toEqual(['bad']);
    expect(pageOf(tools).tools.map(({ name }) => name)).toEqual(['good']);
  });

  it('shows every tool exactly once, in order, on pages within the limit, whatever their sizes', () => {
    const anyTool = fc.record({
      name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
      description: fc.string({ unit: 'grapheme', maxLength: 700 }),
    });
    const tools = fc
      .uniqueArray(anyTool, { maxLength: 60, selector: ({ name }) => name })
      .map((fields) => fields.map(tool));
    fc.assert(
      fc.property(tools, fc.integer({ min: 200, max: 3000 }), (all, maxBytes) => {
        const left = new Set(unlistable(all, maxBytes));
        const pages = allPages(all, maxBytes);
        expect(pages.flatMap(({ tools }) => tools.map(({ name }) => name))).toEqual(
          all.map(({ name }) => name).filter((name) => !left.has(name)),
        );
        for (const page of pages) {
          expect(size(page)).toBeLessThanOrEqual(maxBytes);
          expect(page.nextCursor).not.toBe('');
        }
      }),
    );
  });
});
