import { describe, expect, it } from 'vitest';
import { parseAccessPoints } from '../../src/config/access-points.ts';
import { parseTunnels } from '../../src/config/tunnels.ts';

const official = 'wss://api.xiaozhi.me/mcp/?token=abc';
const relay = 'ws://192.168.1.10:8004/mcp_endpoint/mcp/?token=def';
const all = { allow: ['*'], deny: [], announce: true };

describe('mcpEndpoint', () => {
  it('is one address, a list of them, objects, or nothing', () => {
    const one = { name: '', channel: 'access-point', url: official, profile: 'official', ...all };
    expect(parseAccessPoints(official)).toEqual({ definitions: [one], faults: [] });
    expect(parseAccessPoints({ url: official })).toEqual({ definitions: [one], faults: [] });
    expect(
      parseAccessPoints([
        official,
        relay,
        { url: 'ws://h/', name: 'home', allow: ['a*'], deny: ['ab'], profile: 'official', announce: false },
        { url: 'ws://off/', enabled: false },
      ]),
    ).toEqual({
      definitions: [
        one,
        { name: '2', channel: 'access-point:2', url: relay, profile: 'self-hosted', ...all },
        {
          name: 'home',
          channel: 'access-point:home',
          url: 'ws://h/',
          profile: 'official',
          allow: ['a*'],
          deny: ['ab'],
          announce: false,
        },
      ],
      faults: [],
    });
    for (const nothing of [undefined, null, []])
      expect(parseAccessPoints(nothing)).toEqual({ definitions: [], faults: [] });
  });

  it('encodes a plus sign in the token, and nothing that is encoded already', () => {
    const { definitions } = parseAccessPoints('ws://h/?token=a+b/c%2Bd==');
    expect(definitions.map(({ url }) => url)).toEqual(['ws://h/?token=a%2Bb/c%2Bd==']);
  });

  it('takes only the cloud itself for official', () => {
    const hosts = [
      'api.xiaozhi.me',
      'xiaozhi.me',
      'eu.xiaozhi.me',
      'xiaozhi.me.example.org',
      'notxiaozhi.me',
    ];
    const { definitions } = parseAccessPoints(hosts.map((host) => `wss://${host}/`));
    expect(definitions.map(({ profile }) => profile)).toEqual([
      'official',
      'official',
      'official',
      'self-hosted',
      'self-hosted',
    ]);
  });

  it('leaves out what is wrong, says all of it at once without showing any address, and keeps the rest', () => {
    const { definitions, faults } = parseAccessPoints([
      '<请填写你的接入点地址（获取地址在 xiaozhi.me）>',
      '',
      'https://api.xiaozhi.me/mcp/?token=secret',
      'not a url secret',
      7,
      official,
      official,
      { url: relay, alow: ['a'], name: 'bad name' },
      { url: relay, name: 'x' },
      { url: 'ws://other/', name: 'x' },
      { url: 'ws://h/?token=a#secret' },
      {},
    ]);
    expect(definitions.map(({ url }) => url)).toEqual([official, relay]);
    expect(faults).toEqual([
      'mcpEndpoint[0]: is still a placeholder; put the address there, or remove the entry',
      'mcpEndpoint[1]: is still a placeholder; put the address there, or remove the entry',
      'mcpEndpoint[2]: must be a ws:// or wss:// URL',
      'mcpEndpoint[3]: must be a ws:// or wss:// URL',
      'mcpEndpoint[4]: must be the address of an access point, or an object with a "url"',
      'mcpEndpoint[7].name: must be 1 to 64 letters, digits, ".", "_" and "-"',
      'mcpEndpoint[7].alow: unknown key, did you mean "allow"?',
      'mcpEndpoint[10].url: must not hold a "#"; write %23 where the token has one',
      'mcpEndpoint[11].url: must be a ws:// or wss:// URL',
      'mcpEndpoint[9].name: mcpEndpoint[8] has the same; give each its own',
      'mcpEndpoint[6]: mcpEndpoint[5] has the same address; two connections with one token end each other',
    ]);
    expect(faults.join()).not.toContain('secret');
  });
});

describe('tunnels', () => {
  it('have an address and a token each', () => {
    expect(
      parseTunnels([
        { url: 'wss://t/', token: 'abc' },
        { url: 'wss://t/', token: 'def', name: 'b', deny: ['x'] },
      ]),
    ).toEqual({
      definitions: [
        { name: '', channel: 'tunnel', url: 'wss://t/', token: 'abc', ...all },
        { name: 'b', channel: 'tunnel:b', url: 'wss://t/', token: 'def', ...all, deny: ['x'] },
      ],
      faults: [],
    });
  });

  it('that are wrong are left out, all faults at once and without the token', () => {
    const { definitions, faults } = parseTunnels([
      'wss://t/',
      { url: 'wss://t/', token: 'secret with spaces' },
      { url: '<url>', tokn: 'secret' },
      { url: 'wss://t/', token: 'abc', name: 'a' },
      { url: 'wss://u/', token: 'abc', name: 'a' },
    ]);
    expect(definitions.map(({ channel }) => channel)).toEqual(['tunnel:a']);
    expect(faults).toEqual([
      'tunnels[0]: must be an object with "url" and "token"',
      'tunnels[1].token: must be a token without spaces',
      'tunnels[2].url: is still a placeholder; put the address there, or remove the entry',
      'tunnels[2].token: must be a token without spaces',
      'tunnels[2].tokn: unknown key, did you mean "token"?',
      'tunnels[4].name: tunnels[3] has the same; give each its own',
    ]);
  });
});
