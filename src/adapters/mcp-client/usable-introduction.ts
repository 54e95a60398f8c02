import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';

type JsonObject = Readonly<Record<string, unknown>>;
type RequestId = string | number;

/**
 * A transport on which the answer to `initialize` is what the protocol client takes. It refuses a server for what nobody needs: no
 * `serverInfo`, capabilities that are null or true, a version that it does not know. Such servers list and run tools all the same.
 */
export function withUsableIntroduction(inner: Transport, knownVersions: readonly string[]): Transport {
  return new IntroducingTransport(inner, knownVersions);
}

class IntroducingTransport implements Transport {
  onmessage?: NonNullable<Transport['onmessage']>;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #inner: Transport;
  readonly #knownVersions: readonly string[];
  #asked: { readonly id: RequestId; readonly version: unknown } | undefined;

  constructor(inner: Transport, knownVersions: readonly string[]) {
    this.#inner = inner;
    this.#knownVersions = knownVersions;
    inner.onmessage = (message, extra) => this.onmessage?.(this.#usable(message), extra);
    inner.onclose = () => this.onclose?.();
    inner.onerror = (error) => this.onerror?.(error);
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  send(message: JSONRPCMessage, options?: Parameters<Transport['send']>[1]): Promise<void> {
    if ('method' in message && 'id' in message && message.method === 'initialize')
      this.#asked = { id: message.id, version: message.params?.protocolVersion };
    return this.#inner.send(message, options);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion?.(version);
  }

  #usable(message: JSONRPCMessage): JSONRPCMessage {
    const asked = this.#asked;
    const { id, result } = message as { readonly id?: unknown; readonly result?: unknown };
    if (!asked || id !== asked.id || !isObject(result) || !isIntroduction(result)) return message;
    this.#asked = undefined;
    const { protocolVersion, capabilities, serverInfo, instructions } = result;
    const isKnown = this.#knownVersions.some((known) => known === protocolVersion);
    return {
      jsonrpc: '2.0',
      id: asked.id,
      result: {
        protocolVersion: isKnown ? protocolVersion : asked.version,
        capabilities: capabilitiesOf(capabilities),
        serverInfo: infoOf(serverInfo),
        ...(typeof instructions === 'string' && { instructions }),
      },
    };
  }
}

const isIntroduction = (result: JsonObject): boolean =>
  ['protocolVersion', 'capabilities', 'serverInfo'].some((member) => member in result);

/** Who says nothing of its capabilities has tools: there would be no reason to mount it. */
function capabilitiesOf(given: unknown): JsonObject {
  if (!isObject(given)) return { tools: {} };
  const { tools, logging } = given;
  const listChanged = isObject(tools) && tools.listChanged === true;
  return {
    ...(tools !== undefined &&
      tools !== null &&
      tools !== false && { tools: { ...(listChanged && { listChanged }) } }),
    ...(isObject(logging) && { logging: {} }),
  };
}

function infoOf(given: unknown): JsonObject {
  const { name, version } = isObject(given) ? given : { name: given, version: '' };
  return { name: textOf(name), version: textOf(version) };
}

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
