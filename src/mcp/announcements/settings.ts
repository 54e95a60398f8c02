/**
 * How a result is told. `detect`: as text that the server takes for words of the person, the only text input real servers
 * have. `detect-cue`: the same, but so short that a server with a limit takes it; the model then reads the result with a
 * tool. `text`: a message of type text. `notification`: an MCP notification. `local`: by the device itself.
 */
export type AnnouncementStrategy = 'detect' | 'detect-cue' | 'text' | 'notification' | 'local';

export type AnnouncementLanguage = 'en' | 'zh-CN';

/** Local time of day; `from` after `to` means over midnight. */
export interface QuietHours {
  /** `HH:MM` */
  readonly from: string;
  readonly to: string;
}

export interface AnnouncementSettings {
  /** In the order they are tried; at least one. */
  readonly strategies: readonly AnnouncementStrategy[];
  readonly triesPerStrategy: number;
  readonly language: AnnouncementLanguage;
  /** Longest result within a notice, in characters. */
  readonly maxSpokenCharacters: number;
  /** Longest text of `detect-cue`. */
  readonly maxCueCharacters: number;
  readonly quietHours?: QuietHours | undefined;
  /** Wait before the first new try after a failure; doubles each time. */
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  /** Within a conversation: nobody has spoken for so long after `listen start`; then mail is told. */
  readonly quietMs: number;
}
