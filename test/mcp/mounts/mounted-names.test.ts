import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainServerName } from '../../../src/core/plain-name.ts';
import { mountedName } from '../../../src/mcp/mounts/mounted-names.ts';
import { foldedName } from '../../../src/mcp/registry.ts';

test('a tool is called after its server and itself', () => {
  expect(mountedName('weather', 'get_forecast')).toBe('weather__get_forecast');
  expect(mountedName('My Files', 'read-file')).toBe('My_Files__read-file');
});

test('a name that had to be changed says so, always with the same digest', () => {
  expect(mountedName('fs', 'read.file')).toBe('fs__read_file_dd32cd');
  expect(mountedName('fs', 'read file')).not.toBe(mountedName('fs', 'read.file'));
});

test('Chinese letters stay, as servers keep them; those of other alphabets do not', () => {
  expect(mountedName('天气', '查询')).toBe('天气__查询');
  expect([mountedName('高德MCP', 'route'), mountedName('百度MCP', 'route')]).toEqual([
    '高德MCP__route',
    '百度MCP__route',
  ]);
  expect(mountedName('погода', 'час')).toMatch(/^server_[0-9a-f]{6}__[A-Za-z0-9_-]+$/);
  expect(mountedName('ёMCP', 'route')).toMatch(/^MCP_[0-9a-f]{6}__route$/);
  expect(mountedName('ёMCP', 'route')).not.toBe(mountedName('юMCP', 'route'));
  expect([plainServerName('高德MCP'), plainServerName('ё1'), plainServerName('ю1')]).toEqual([
    '高德MCP',
    '',
    '',
  ]);
});

test('long names are cut and stay different', () => {
  const long = 'x'.repeat(80);
  expect(mountedName('s', `${long}1`)).toHaveLength(64);
  expect(mountedName('s', `${long}1`)).not.toBe(mountedName('s', `${long}2`));
  expect(mountedName(`${long}1`, 't')).not.toBe(mountedName(`${long}2`, 't'));
});

const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 90, unit: 'grapheme' }),
  fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom('a', 'b', '_', '.', '-', ' ', '天', 'ё') }),
);

test('whatever the names are, the result can be used and is read in one way only', () => {
  void fc.assert(
    fc.property(name, name, (server, tool) => {
      const mounted = mountedName(server, tool);
      expect(mounted).toMatch(/^[A-Za-z0-9_\-\u4e00-\u9fff]{1,64}$/);
      expect(foldedName(mounted)).toBe(mounted);
      expect(mounted.split('__')[0]).toMatch(/^[A-Za-z0-9\-\u4e00-\u9fff](_?[A-Za-z0-9\-\u4e00-\u9fff])*$/);
      expect(mounted.indexOf('__')).toBeLessThan(27);
    }),
    { numRuns: 2000 },
  );
});

test('two tools never get one name, on one server or on two that the configuration takes side by side', () => {
  void fc.assert(
    fc.property(name, name, name, name, (serverA, toolA, serverB, toolB) => {
      fc.pre(serverA !== serverB || toolA !== toolB);
      const [plainA, plainB] = [plainServerName(serverA), plainServerName(serverB)];
      fc.pre(serverA === serverB || plainA === '' || plainA !== plainB);
      expect(mountedName(serverA, toolA)).not.toBe(mountedName(serverB, toolB));
    }),
    { numRuns: 5000 },
  );
});
