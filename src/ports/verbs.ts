import type { DeviceReport } from './control-api.ts';

/** What a person or a program may ask the device to do, over whatever way it comes. */
export type Verb =
  | { readonly verb: 'talk'; readonly action: 'press' | 'release' | 'toggle' }
  /** Stop what is being said, or about to be. */
  | { readonly verb: 'interrupt' }
  /** End the conversation. */
  | { readonly verb: 'hangup' }
  /** `user`: asked as if the person had said it. `notice`: spoken when nobody talks, like any result. */
  | { readonly verb: 'say'; readonly text: string; readonly as: 'user' | 'notice' }
  | { readonly verb: 'volume'; readonly percent: number }
  | { readonly verb: 'mute'; readonly what: 'loudspeaker' | 'microphone'; readonly muted: boolean }
  /** Of conversations that begin from now on. */
  | { readonly verb: 'mode'; readonly mode: 'auto' | 'manual' | 'realtime' };

export interface VerbControl {
  /**
   * Does it and tells the state after it. A verb that means nothing in the state of now changes nothing.
   * @throws ClientError when a notice cannot be kept, NOT_READY when the device is ending; the message can be shown
   */
  perform(verb: Verb): Promise<DeviceState>;
  state(): DeviceState;
}

/** The part of the report that verbs change. */
export type DeviceState = Pick<
  DeviceReport,
  'state' | 'volumePercent' | 'muted' | 'microphoneMuted' | 'mode'
>;

/** Longest text that is asked or spoken, in characters; as `conversation.say` has it. */
export const maxSaidCharacters = 10_000;
