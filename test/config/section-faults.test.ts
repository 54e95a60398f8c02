import { expect, test } from 'vitest';
import { ConfigSchema } from '../../src/config/schema.ts';
import { sectionFindings } from '../../src/config/section-faults.ts';

const findingsOf = (config: object) => sectionFindings(ConfigSchema.parse(config), {});
const faultsOf = (config: object) => findingsOf(config).faults;

test('every section tells what is wrong in it: where, what is allowed, and what was probably meant', () => {
  const tool = (auth: object) => ({
    name: 'weather',
    description: 'd',
    handler: { type: 'http', url: 'https://a/', auth },
  });
  expect(
    faultsOf({
      mcpServers: { notes: { command: 'x', tokne: 'hush' }, web: { url: 'https://a/', start: 'hush' } },
      mcpServerConfig: { note: {} },
      customMCP: {
        tools: [tool({ type: 'bearer', tokn: 'hush' }), { name: 'b', handler: { type: 'htpp' } }],
      },
      mcpEndpoint: ['https://hush/', { url: 'wss://a/', profil: 'hush' }],
      tunnels: [{ url: 'wss://a/', tokne: 'hush' }],
    }),
  ).toEqual([
    'mcpServerConfig.note: there is no such server in mcpServers, did you mean "notes"?',
    'mcpServers.web.start: must be one of eager, lazy, manual',
    'customMCP.tools[0] ("weather").handler.auth.token: is missing; it must be text',
    'customMCP.tools[0] ("weather").handler.auth.tokn: unknown key, did you mean "token"?',
    'customMCP.tools[1] ("b").description: is missing; it must be text',
    'customMCP.tools[1] ("b").handler.type: must be one of http, custom, proxy, did you mean "http"?',
    'mcpEndpoint[0]: must be a ws:// or wss:// URL',
    'mcpEndpoint[1].profil: unknown key, did you mean "profile"?',
    'tunnels[0].token: must be a token without spaces',
    'tunnels[0].tokne: unknown key, did you mean "token"?',
  ]);
});

test('every address may have an authority of its own', () => {
  const caFile = '/etc/ca.pem';
  expect(
    faultsOf({
      mcpServers: { web: { url: 'https://a/', ca_file: caFile }, local: { command: 'x', caFile } },
      mcpEndpoint: [
        { url: 'wss://a/', caFile },
        { url: 'wss://b/', cafile: caFile },
      ],
      tunnels: { url: 'wss://c/', token: 't', caFile: '' },
    }),
  ).toEqual([
    'mcpEndpoint[1].cafile: unknown key, did you mean "caFile"?',
    'tunnels.caFile: must not be empty',
  ]);
});

test('nothing is wrong where nothing is said', () => {
  expect(faultsOf({})).toEqual([]);
});
