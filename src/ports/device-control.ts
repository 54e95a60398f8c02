/** Firmware G51. */
export type NetworkStatus =
  | { readonly type: 'wifi'; readonly ssid?: string; readonly signal: 'strong' | 'medium' | 'weak' }
  | { readonly type: 'ethernet'; readonly state: 'connected' | 'disconnected'; readonly ip?: string };

/** What the device knows of the computer it runs on; parts that do not exist are absent (firmware G50). */
export interface HardwareStatus {
  readonly screen?: { readonly brightness?: number; readonly theme?: 'light' | 'dark' };
  readonly battery?: { readonly level: number; readonly charging: boolean };
  readonly network: NetworkStatus;
  /** Degrees Celsius. */
  readonly chipTemperature?: number;
}

/** What tools may do to the device itself. */
export interface DeviceControl {
  /** 0 to 100, also while muted. */
  volumePercent(): number;
  setVolume(volumePercent: number): void;
  /** Never rejects; asked for at each call. */
  hardware(): Promise<HardwareStatus>;
  /** What the device tells the OTA server about itself, as JSON text (firmware A14). */
  systemInfo(): Promise<string>;
  /** Ends the process to be started again, about a second later, so that the reply gets out first. */
  reboot(): void;
}

/** Takes a picture. */
export interface Camera {
  /** A JPEG file. @throws ClientError TOOL_FAILED with the firmware's words (G63) */
  capturePhoto(signal: AbortSignal): Promise<Uint8Array>;
}

export interface PictureQuestion {
  /** Where the server wants pictures, from its `initialize`. */
  readonly url: string;
  readonly token: string;
  readonly jpeg: Uint8Array;
  readonly question: string;
}

/** The server's service that looks at pictures. */
export interface VisionService {
  /** The body of the answer, unchanged (firmware G62). @throws ClientError TOOL_FAILED with the firmware's words (G63) */
  explain(question: PictureQuestion, signal: AbortSignal): Promise<string>;
}
