import { expect, it } from 'vitest';
import { handlerKinds, proxyTargets } from '../../src/config/custom-handlers.ts';
import { httpServer, serverOverride, stdioServer, toolOverride } from '../../src/config/mount-keys.ts';
import { HIDDEN, printable } from '../../src/config/redact.ts';

/** Those of the keys that are hidden at this place. */
const hiddenOf = (keys: readonly string[], place: readonly string[]) =>
  keys.filter((key) => printable([...place, key], 5) === HIDDEN);

it('of the keys that are known, only those are hidden that hold secrets or are the user’s own', () => {
  const config = ['customMCP', 'tools', 'handler', 'config'];
  const handlers = [...Object.values(handlerKinds), ...Object.values(proxyTargets)];
  expect({
    stdio: hiddenOf(Object.keys(stdioServer.shape), ['mcpServers', 'x']),
    http: hiddenOf(Object.keys(httpServer.shape), ['mcpServers', 'x']),
    server: hiddenOf(Object.keys(serverOverride.shape), ['mcpServerConfig', 'x']),
    tool: hiddenOf(Object.keys(toolOverride.shape), ['mcpServerConfig', 'x', 'tools', 'y']),
    handlers: handlers.map(({ keys }) => hiddenOf(keys, config)),
  }).toEqual({
    // Lists and groups are no numbers, which is what is tried here.
    stdio: ['disabledTools', 'args', 'env'],
    http: ['disabledTools', 'headers'],
    server: ['tools'],
    tool: [],
    handlers: [
      ['headers', 'auth', 'query', 'bodyTemplate', 'responseMapping'],
      ['context'],
      ['token', 'apiKey', 'parameters', 'params'],
    ],
  });
});

it('lists are shown where lists belong', () => {
  expect(printable(['mcpServers', 'x', 'disabledTools'], ['a'])).toEqual(['a']);
  expect(printable(['mcpServers', 'x', 'disabledTool'], ['a'])).toEqual([HIDDEN]);
});

it('a setting that has another kind than it should tells no secrets either', () => {
  expect(printable(['device', 'cameraCommand'], ['--token', 'hush', 'http://me:hush@h/?q=hush'])).toEqual([
    '--token',
    HIDDEN,
    `http://${HIDDEN}@h/?${HIDDEN}`,
  ]);
  expect(printable(['server', 'websocketUrl'], { url: 'ws://h/?t=hush', token: 'hush' })).toEqual({
    url: `ws://h/?${HIDDEN}`,
    token: HIDDEN,
  });
});

it('what is no name may be a whole header', () => {
  expect(
    printable(['mcpServers', 'x', 'headers'], { 'Authorization: Bearer hush': '', Accept: 'x' }),
  ).toEqual({
    [HIDDEN]: HIDDEN,
    Accept: HIDDEN,
  });
});
