/** The demo server's side of one audio channel, whatever carries it. None of these throws. */
export interface DeviceLink {
  /** What the carrier adds to the server hello: `version`, `transport`, and where audio goes if not here. */
  helloFields(): Readonly<Record<string, unknown>>;
  sendJson(message: object): void;
  /** Sends a text of the device back as it came. */
  echo(text: string): void;
  /** One Opus packet, dropped and counted when the device does not read fast enough. */
  sendAudio(packet: Uint8Array, timestampMs: number): void;
  /** Ends the channel normally. */
  close(reason: string): void;
}

/** What the carrier delivers; synchronous, in the order of the wire, never throws. */
export interface DeviceLinkHandler {
  onText(text: string): void;
  onAudio(packet: Uint8Array): void;
  /** The channel is gone; nothing is sent or received after it. */
  onClosed(): void;
}

/** Mono 16-bit PCM and its rate. */
export interface SpokenAudio {
  readonly sampleRateHz: number;
  readonly pcm: Int16Array;
}

/** As real servers speak. */
export const downlinkFormat = { sampleRateHz: 24_000, frameDurationMs: 60 } as const;
