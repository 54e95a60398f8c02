import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fillArguments, fillUrl, queryOf } from '../../../src/adapters/tools/template.ts';

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '..',
    '.',
    '../..',
    '%2e%2e',
    '/etc',
    '?x=1',
    '#',
    '{a}',
    '{{a}}',
    '$(id)',
    '; rm -rf /',
    '--',
    '-x',
  ),
);

test('a template gives one word whatever the value holds, and its neighbours stay as they are', () => {
  void fc.assert(
    fc.property(value, (text) => {
      const filled = fillArguments(['first', '--text={{text}}', 'last'], { text }, false);
      if ('fault' in filled) expect(text).toContain('\0');
      else expect(filled.words).toEqual(['first', `--text=${text}`, 'last']);
    }),
  );
});

test('no value becomes an option unless the options have ended', () => {
  void fc.assert(
    fc.property(value, (text) => {
      const filled = fillArguments(['{{text}}'], { text }, false);
      if ('words' in filled) expect(filled.words[0]).not.toMatch(/^-(?![\d.]+$)/);
    }),
  );
  expect(fillArguments(['{{text}}'], { text: '--help' }, false)).toEqual({ name: 'text', fault: 'option' });
  expect(fillArguments(['--', '{{text}}'], { text: '--help' }, false)).toEqual({ words: ['--', '--help'] });
  expect(fillArguments(['{{text}}'], { text: '--help' }, true)).toEqual({ words: ['--help'] });
  expect(fillArguments(['{{celsius}}'], { celsius: -3.5 }, false)).toEqual({ words: ['-3.5'] });
});

test('a word whose value was not given is left out', () => {
  const args = { city: 'Berlin', days: null, filter: { min: 1 } };
  expect(fillArguments(['{{city}}', '--days={{days}}', '{{__proto__}}', '{{filter}}'], args, false)).toEqual({
    words: ['Berlin', '{"min":1}'],
  });
});

test('a value can leave neither its path segment nor its server', () => {
  const template = 'http://host.example/users/{name}/items?q={q}';
  void fc.assert(
    fc.property(value, value, (name, q) => {
      const filled = fillUrl(template, { name, q });
      if ('fault' in filled) return;
      const url = new URL(filled.url);
      expect(url.origin).toBe('http://host.example');
      expect(url.pathname.split('/')).toHaveLength(4);
      expect(url.pathname).toMatch(/^\/users\/[^/]+\/items$/);
      expect(url.searchParams.get('q')).toBe(Buffer.from(q).toString());
      expect([...url.searchParams.keys()]).toEqual(['q']);
      expect(url.hash).toBe('');
    }),
  );
  expect(fillUrl(template, { name: '..', q: 'x' })).toEqual({ name: 'name', fault: 'path' });
  expect(fillUrl(template, { name: 'x' })).toEqual({ name: 'q', fault: 'missing' });
});

test('a query repeats lists, writes objects as JSON and leaves out what was not given', () => {
  const args = { a: ['x', 2], b: { c: true }, d: null, e: 'used' };
  expect(queryOf(args, new Set(['e'])).toString()).toBe('a=x&a=2&b=%7B%22c%22%3Atrue%7D');
});
