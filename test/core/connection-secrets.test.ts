import { describe, expect, it } from 'vitest';

import { createQuote } from '../../src/core/quoting.ts';
import { secretsOfConnection, shownConnection } from '../../src/core/secrets.ts';

const url = 'wss://someone:pass%20word@host:1/path?token=abc%2Bdef&x=1';

describe('what people may see', () => {
  it('is an address without query and without who logs in', () => {
    expect(shownConnection(url)).toBe('wss://host:1/path?…');
    expect(shownConnection('ws://host/')).toBe('ws://host/');
    expect(shownConnection('wss://host/u/3f9aK2mQ7xZp81Lw/mcp')).toBe('wss://host/u/…/mcp');
    expect(secretsOfConnection('wss://host/u/3f9aK2mQ7xZp81Lw/mcp')).toContain('3f9aK2mQ7xZp81Lw');
    expect(shownConnection('no address')).toBe('an address that cannot be used');
  });

  it('are the words of others without secrets, written as sent or decoded, on one line', () => {
    const said = `1 ${url}\n2 abc+def 3 abc%2Bdef 4 pass word 5 pass%20word 6 bearer-token`;
    expect(createQuote(secretsOfConnection(url, 'bearer-token'))(said)).toBe(
      '1 wss://••••:••••@host:1/path•••• 2 •••• 3 •••• 4 •••• 5 •••• 6 ••••',
    );
    expect(createQuote([])('x'.repeat(1000))).toHaveLength(200);
  });
});
