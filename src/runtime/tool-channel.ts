import { clientMessage } from '../protocol/messages.ts';

/** One MCP server on one channel. */
export interface ToolChannel {
  receive(payload: Readonly<Record<string, unknown>>): void;
  /** The list that the server has read last is not what it would read now. */
  isOutdated(): boolean;
  /** Tells the server that the list has changed; many do not care. */
  announceChange(): void;
  close(): Promise<void>;
}

/** What a channel takes in one message. */
export interface MessageLimit {
  readonly maxMessageBytes: number;
  /** UTF-8 bytes left for the payload: what surrounds it holds the id of the session, which servers choose. */
  readonly payloadBytes: () => number;
}

/** Serves the device's tools. `limit`: undefined where the length of a message does not matter. */
export type OpenTools = (
  send: (payload: unknown) => boolean,
  limit: MessageLimit | undefined,
  onUse?: (use: ToolUse) => void,
) => ToolChannel;

/**
 * What a server does with the tools: it says `initialize`, it has read the last page of the list, a call has come, a call has
 * been answered (or will not be).
 */
export type ToolUse = 'introduced' | 'listed' | 'called' | 'answered';

/** The limit of a channel that takes messages of `maxMessageBytes`. */
export function messageLimit(
  maxMessageBytes: number | undefined,
  sessionId: () => string,
): MessageLimit | undefined {
  if (maxMessageBytes === undefined) return undefined;
  const payloadBytes = () => maxMessageBytes - Buffer.byteLength(clientMessage.mcp(sessionId(), 0)) + 1;
  return { maxMessageBytes, payloadBytes };
}

/** All channels on which the tools are served at the moment. */
export class ToolChannels {
  readonly #open = new Set<ToolChannel>();

  /** The same, with every channel kept until it is closed. */
  following(openTools: OpenTools): OpenTools {
    return (send, limit, onUse) => {
      const channel = openTools(send, limit, onUse);
      this.#open.add(channel);
      return {
        ...channel,
        close: () => {
          this.#open.delete(channel);
          return channel.close();
        },
      };
    };
  }

  get areOutdated(): boolean {
    return [...this.#open].some((channel) => channel.isOutdated());
  }

  announceChange(): void {
    for (const channel of this.#open) channel.announceChange();
  }
}
