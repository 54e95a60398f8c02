import type { Words } from './words.ts';

/**
 * Codes of expected failures, grouped by subsystem. They appear in `error` events and logs, so scripts may rely on them:
 * add freely, never rename.
 */
export const ErrorCode = {
  usageInvalid: 'USAGE_INVALID',
  configInvalid: 'CONFIG_INVALID',
  configUnreadable: 'CONFIG_UNREADABLE',
  stateLocked: 'STATE_LOCKED',
  stateDamaged: 'STATE_DAMAGED',
  stateNotPrivate: 'STATE_NOT_PRIVATE',
  stateUnwritable: 'STATE_UNWRITABLE',
  provisioningUnreachable: 'PROVISIONING_UNREACHABLE',
  provisioningRefused: 'PROVISIONING_REFUSED',
  provisioningBadAnswer: 'PROVISIONING_BAD_ANSWER',
  provisioningGaveUp: 'PROVISIONING_GAVE_UP',
  transportUnreachable: 'TRANSPORT_UNREACHABLE',
  transportTimeout: 'TRANSPORT_TIMEOUT',
  transportRefused: 'TRANSPORT_REFUSED',
  transportTls: 'TRANSPORT_TLS',
  transportClosed: 'TRANSPORT_CLOSED',
  transportIdle: 'TRANSPORT_IDLE',
  transportNoAudio: 'TRANSPORT_NO_AUDIO',
  identityInUse: 'IDENTITY_IN_USE',
  transportSendFailed: 'TRANSPORT_SEND_FAILED',
  protocolBadMessage: 'PROTOCOL_BAD_MESSAGE',
  protocolUnknownType: 'PROTOCOL_UNKNOWN_TYPE',
  protocolBadFrame: 'PROTOCOL_BAD_FRAME',
  protocolFormatRefused: 'PROTOCOL_FORMAT_REFUSED',
  serverError: 'SERVER_ERROR',
  deviceNotBound: 'DEVICE_NOT_BOUND',
  opusUnavailable: 'OPUS_UNAVAILABLE',
  opusBadPacket: 'OPUS_BAD_PACKET',
  opusBadFrame: 'OPUS_BAD_FRAME',
  audioBackendMissing: 'AUDIO_BACKEND_MISSING',
  audioDeviceMissing: 'AUDIO_DEVICE_MISSING',
  audioDeviceLost: 'AUDIO_DEVICE_LOST',
  audioDeviceReplaced: 'AUDIO_DEVICE_REPLACED',
  audioFileInvalid: 'AUDIO_FILE_INVALID',
  audioInputSilent: 'AUDIO_INPUT_SILENT',
  audioInputPoor: 'AUDIO_INPUT_POOR',
  audioInputMuted: 'AUDIO_INPUT_MUTED',
  serverAddressUnavailable: 'SERVER_ADDRESS_UNAVAILABLE',
  toolUnknown: 'TOOL_UNKNOWN',
  toolArgumentsInvalid: 'TOOL_ARGUMENTS_INVALID',
  toolTimeout: 'TOOL_TIMEOUT',
  toolBusy: 'TOOL_BUSY',
  replyTimeout: 'REPLY_TIMEOUT',
  conversationNotResumed: 'CONVERSATION_NOT_RESUMED',
  notReady: 'NOT_READY',
  textUnanswered: 'TEXT_UNANSWERED',
  turnsTimeout: 'TURNS_TIMEOUT',
  turnsUnfinished: 'TURNS_UNFINISHED',
  eventsEnded: 'EVENTS_ENDED',
  toolFailed: 'TOOL_FAILED',
  toolBadOutput: 'TOOL_BAD_OUTPUT',
  toolUnreachable: 'TOOL_UNREACHABLE',
  toolSessionLost: 'TOOL_SESSION_LOST',
  toolCancelled: 'TOOL_CANCELLED',
  resultExpired: 'RESULT_EXPIRED',
  controlUnavailable: 'CONTROL_UNAVAILABLE',
  notFound: 'NOT_FOUND',
  conflict: 'CONFLICT',
  internal: 'INTERNAL',
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

export interface ClientErrorOptions {
  /** True when the same attempt may succeed later without anybody changing anything. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
  /** What went wrong, before it is in any language, for those who tell a person; `message` is a whole sentence in English. */
  readonly words?: Words | undefined;
}

/**
 * An expected failure. The message is a sentence for the person at the device and says what to do next; it never holds
 * a secret. `code` is for scripts, `retryable` for the machine.
 */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** Absent where `message` is somebody else's, or nothing that a person is told later. */
  readonly words: Words | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    { retryable = false, cause, words }: ClientErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryable = retryable;
    this.words = words;
  }
}

/** Turns anything thrown into a ClientError; what is not one already is a programming error and keeps its cause. */
export function toClientError(thrown: unknown, code: ErrorCode = ErrorCode.internal): ClientError {
  if (thrown instanceof ClientError) return thrown;
  return new ClientError(code, messageOf(thrown), { cause: thrown });
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
