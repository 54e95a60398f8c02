/** A microphone or loudspeaker that may be taken, best first in a list. */
export interface DeviceCandidate<Device> {
  /** As in the configuration, for people: `record`, `speaker:usb`. */
  readonly spec: string;
  /** Whether opening it is worth a try now: a cheap look that opens nothing. Never rejects. */
  isThere(): Promise<boolean>;
  /** The device, not started; the same one every time. @throws ClientError when it cannot be used now */
  open(): Promise<Device>;
}
