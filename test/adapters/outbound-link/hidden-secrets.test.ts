import { describe, expect, it } from 'vitest';
import { secretsOf, shownUrl } from '../../../src/adapters/outbound-link/hidden-secrets.ts';
import { createQuote } from '../../../src/core/quoting.ts';

const url = 'wss://someone:pass%20word@host:1/path?token=abc%2Bdef&x=1';

describe('what people may see', () => {
  it('is an address without query and without who logs in', () => {
    expect(shownUrl(url)).toBe('wss://host:1/path?…');
    expect(shownUrl('ws://host/')).toBe('ws://host/');
    expect(shownUrl('wss://host/u/3f9aK2mQ7xZp81Lw/mcp')).toBe('wss://host/u/…/mcp');
    expect(secretsOf('wss://host/u/3f9aK2mQ7xZp81Lw/mcp')).toContain('3f9aK2mQ7xZp81Lw');
    expect(shownUrl('no address')).toBe('an address that cannot be used');
  });

  it('are the words of others without secrets, written as sent or decoded, on one line', () => {
    const said = `1 ${url}\n2 abc+def 3 abc%2Bdef 4 pass word 5 pass%20word 6 bearer-token`;
    expect(createQuote(secretsOf(url, 'bearer-token'))(said)).toBe(
      '1 wss://••••:••••@host:1/path•••• 2 •••• 3 •••• 4 •••• 5 •••• 6 ••••',
    );
    expect(createQuote([])('x'.repeat(1000))).toHaveLength(200);
  });
});
