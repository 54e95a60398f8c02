/** One MCP server on one channel. */
export interface ToolChannel {
  receive(payload: Readonly<Record<string, unknown>>): void;
  close(): Promise<void>;
}

/** Serves the device's tools. `maxMessageBytes`: what the channel takes in one message; undefined when it does not matter. */
export type OpenTools = (
  send: (payload: unknown) => boolean,
  maxMessageBytes: number | undefined,
) => ToolChannel;
