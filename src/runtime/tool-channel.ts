/** One MCP server on one channel. */
export interface ToolChannel {
  receive(payload: Readonly<Record<string, unknown>>): void;
  /** The list that the server has read last is not what it would read now. */
  isOutdated(): boolean;
  /** Tells the server that the list has changed; many do not care. */
  announceChange(): void;
  close(): Promise<void>;
}

/**
 * What a server does with the tools: it says `initialize`, it has read the last page of the list, a call has come, a call has
 * been answered (or will not be).
 */
export type ToolUse = 'introduced' | 'listed' | 'called' | 'answered';

/** Serves the device's tools. `maxMessageBytes`: what the channel takes in one message; undefined when it does not matter. */
export type OpenTools = (
  send: (payload: unknown) => boolean,
  maxMessageBytes: number | undefined,
  onUse?: (use: ToolUse) => void,
) => ToolChannel;

/** All channels on which the tools are served at the moment. */
export class ToolChannels {
  readonly #open = new Set<ToolChannel>();

  /** The same, with every channel kept until it is closed. */
  following(openTools: OpenTools): OpenTools {
    return (send, maxMessageBytes, onUse) => {
      const channel = openTools(send, maxMessageBytes, onUse);
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
