import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalise } from '../../src/mcp/normalise.ts';

const call = (id: unknown, params: unknown) => ({ jsonrpc: '2.0', id, method: 'tools/call', params });

describe('the dialect of servers', () => {
  it.each([
    ['another version of JSON-RPC', { jsonrpc: '1.0', id: 1, method: 'ping' }],
    ['no method', { jsonrpc: '2.0', id: 1, result: {} }],
    ['a notification', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['a notification with an id', { jsonrpc: '2.0', id: 4, method: 'notifications/whatever' }],
    ['no id', { jsonrpc: '2.0', method: 'tools/list' }],
    ['id null', { jsonrpc: '2.0', id: null, method: 'tools/list' }],
    ['an id that is no id', { jsonrpc: '2.0', id: {}, method: 'tools/list' }],
    ['params that are a list', { jsonrpc: '2.0', id: 1, method: 'tools/list', params: [] }],
    ['params that are text', { jsonrpc: '2.0', id: 1, method: 'tools/list', params: 'x' }],
  ])('does not answer %s', (_what, payload) => {
    expect(normalise(payload).kind).toBe('ignored');
  });

  it.each([
    [0, 0],
    [7.9, 7],
    [-7.9, -7],
    [-0.5, 0],
    [4_294_967_296, 4_294_967_296],
    [1e300, 2_147_483_647],
    [-1e300, -2_147_483_648],
    ['b1c_0_7', 'b1c_0_7'],
    ['', ''],
  ])('answers id %s as %s', (given, answered) => {
    expect(normalise({ jsonrpc: '2.0', id: given, method: 'ping' })).toEqual({
      kind: 'request',
      request: { jsonrpc: '2.0', id: answered, method: 'ping' },
    });
  });

  it('fills in what servers leave out of initialize and reads where pictures are explained', () => {
    const vision = { url: 'http://v/explain', token: 'secret' };
    const params = { capabilities: { vision, roots: 7 }, clientInfo: 'nobody' };
    expect(normalise({ jsonrpc: '2.0', id: 1, method: 'initialize', params })).toEqual({
      kind: 'request',
      request: {
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2024-11-05',
          capabilities: {},
          clientInfo: { name: 'server', version: '0' },
        },
      },
      vision,
    });
  });

  it('takes a missing vision token for an empty one and a url that is no text for none', () => {
    const initialize = (vision: unknown) =>
      normalise({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { capabilities: { vision } } });
    expect(initialize({ url: 'http://v' })).toMatchObject({ vision: { url: 'http://v', token: '' } });
    expect(initialize({ url: 5 })).not.toHaveProperty('vision');
  });

  it('keeps cursor and withUserTools of a list and drops the rest, also params null', () => {
    const list = (params: unknown) => normalise({ jsonrpc: '2.0', id: 2, method: 'tools/list', params });
    const request = (params: object) => ({
      kind: 'request',
      request: { jsonrpc: '2.0', id: 2, method: 'tools/list', params },
    });
    expect(list(null)).toEqual(request({}));
    expect(list({ cursor: '', withUserTools: 'yes' })).toEqual(request({}));
    expect(list({ cursor: 'b', withUserTools: true, _meta: { progressToken: {} } })).toEqual(
      request({ cursor: 'b', _meta: { 'xiaozhi/withUserTools': true } }),
    );
  });

  it.each([
    ['Missing params', undefined],
    ['Missing params', null],
    ['Missing name', {}],
    ['Missing name', { name: 5 }],
    ['Invalid arguments', { name: 'a', arguments: [1] }],
    ['Invalid arguments', { name: 'a', arguments: 'x' }],
    ['Invalid arguments', { name: 'a', arguments: '5' }],
  ])('refuses a call with "%s"', (message, params) => {
    expect(normalise(call(3, params))).toEqual({ kind: 'refused', id: 3, code: -32602, message });
  });

  it.each([
    ['{"city":"北京"}', { city: '北京' }],
    ['', {}],
    [[], {}],
  ])('takes arguments as servers pass them on: %j', (given, args) => {
    expect(normalise(call(3, { name: 'a', arguments: given }))).toMatchObject({ kind: 'call', args });
  });

  it('takes arguments null for none and drops stray members', () => {
    const params = { name: 'a', arguments: null, serialNumber: null };
    expect(normalise({ ...call(3, params), session_id: 's' })).toEqual({
      kind: 'call',
      id: 3,
      name: 'a',
      args: {},
    });
  });

  it('refuses methods it does not have in the words of the firmware', () => {
    expect(normalise({ jsonrpc: '2.0', id: 9, method: 'resources/list' })).toEqual({
      kind: 'refused',
      id: 9,
      code: -32601,
      message: 'Method not implemented: resources/list',
    });
  });

  it('passes a cancellation on with the id as it was given away', () => {
    const params = { requestId: 7.2, reason: 'x' };
    expect(normalise({ jsonrpc: '2.0', method: 'notifications/cancelled', params })).toEqual({
      kind: 'cancellation',
      id: 7,
    });
  });

  it('never throws, whatever comes', () => {
    const methods = fc.constantFrom(
      'initialize',
      'tools/list',
      'tools/call',
      'ping',
      'notifications/cancelled',
    );
    fc.assert(
      fc.property(fc.anything(), fc.anything(), methods, (id, params, method) => {
        expect(normalise({ jsonrpc: '2.0', id, method, params })).toHaveProperty('kind');
      }),
    );
  });
});
