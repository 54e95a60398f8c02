import type { Downlink } from '../audio/downlink.ts';
import type { PlaybackTimestamps } from '../audio/playback-timestamps.ts';
import type { Uplink } from '../audio/uplink.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import type { ChannelEvent, ToolUseEvent } from '../machine/events.ts';
import type { ChannelLogic } from '../machine/setup.ts';
import type {
  ChannelEnd,
  SessionInfo,
  SessionTransport,
  TransportFactory,
} from '../ports/session-transport.ts';
import { clientMessage } from '../protocol/messages.ts';
import { type MessageParts, receiveMessage } from './receive-message.ts';
import type { RejectedPackets } from './rejected-packets.ts';
import { messageLimit, type OpenTools, type ToolUse } from './tool-channel.ts';

export interface ChannelParts extends MessageParts {
  readonly transports: TransportFactory;
  readonly uplink: Uplink;
  readonly downlink: Downlink;
  readonly rejected: RejectedPackets;
  /** What the server wants to know of each frame it gets, when it cancels echo (firmware F60). */
  readonly timestamps: PlaybackTimestamps | undefined;
  /** The tools of this device, served over one channel until it is closed. */
  readonly openTools: OpenTools | undefined;
  /** Told of every close, so that whoever stops the device can wait for the last one. */
  readonly onClosing: (closed: Promise<void>) => void;
}

/**
 * Owns one audio channel for as long as the machine stays in `connected`. Messages reach the machine within the socket's
 * own callback: one `await` between them would lose the first frame behind `tts start` (firmware B37).
 */
export function createChannelLogic(parts: ChannelParts): ChannelLogic {
  return ({ sendBack }) => {
    const transport = createTransport(parts, sendBack);
    if (!transport) return undefined;
    parts.rejected.follow(transport);
    let opened = false;
    const { wire } = parts;
    const tools = parts.openTools?.(
      (payload) => transport.sendText(clientMessage.mcp(wire.sessionId, payload)),
      messageLimit(transport.maxMessageBytes, () => wire.sessionId),
      (use) => sendBack(useEvents[use]),
    );
    transport.open({
      onSession: (info) => {
        attach(parts, transport, info);
        if (opened) return;
        opened = true;
        sendBack({ type: 'channel.opened', sessionId: info.sessionId });
      },
      onMessage: (json) => receiveMessage(json, parts, { toMachine: sendBack, tools }),
      onAudio: (packet, timestampMs, sequence) => parts.downlink.push(packet, timestampMs, sequence),
      onProblem: parts.report,
      onEnd: (end) => sendBack(endEvent(end)),
    });
    return () => {
      parts.uplink.disconnect();
      wire.detach(transport);
      parts.rejected.settle(transport);
      if (tools) parts.onClosing(tools.close());
      parts.onClosing(transport.close());
    };
  };
}

const useEvents: Readonly<Record<ToolUse, ToolUseEvent>> = {
  introduced: { type: 'tools.introduced' },
  listed: { type: 'tools.listed' },
  called: { type: 'call.started' },
  answered: { type: 'call.ended' },
};

function createTransport(
  { transports }: ChannelParts,
  sendBack: (event: ChannelEvent) => void,
): SessionTransport | undefined {
  try {
    return transports.create();
  } catch (thrown) {
    sendBack({ type: 'channel.failed', error: asClientError(thrown) });
    return undefined;
  }
}

const asClientError = (thrown: unknown): ClientError =>
  thrown instanceof ClientError
    ? thrown
    : new ClientError(ErrorCode.internal, 'The channel to the server could not be made.', { cause: thrown });

function attach(
  { wire, uplink, downlink, display, timestamps }: ChannelParts,
  transport: SessionTransport,
  info: SessionInfo,
): void {
  wire.attach(transport, info.sessionId);
  downlink.newStream({ isLossy: transport.kind === 'mqtt' });
  uplink.connect((packet) => transport.sendAudio(packet, timestamps?.next() ?? 0));
  display.show({
    type: 'session',
    id: info.sessionId,
    transport: transport.kind,
    server: { sampleRateHz: info.sampleRateHz, frameDurationMs: info.frameDurationMs },
  });
}

function endEvent(end: ChannelEnd): ChannelEvent {
  if (end.normal) return { type: 'channel.closed' };
  const error = end.error ?? new ClientError(ErrorCode.transportClosed, end.description, { retryable: true });
  return { type: 'channel.failed', error };
}
