import { ClientError, ErrorCode } from '../core/errors.ts';
import type { LinkLogic } from '../machine/setup.ts';
import type { ControlLink } from '../ports/control-link.ts';
import { clientMessage } from '../protocol/messages.ts';
import { type MessageParts, receiveMessage } from './receive-message.ts';
import { messageLimit, type OpenTools } from './tool-channel.ts';

export interface LinkParts extends MessageParts {
  /** Undefined when the road in use needs none. */
  readonly createLink: () => ControlLink | undefined;
  readonly openTools: OpenTools | undefined;
  readonly onClosing: (closed: Promise<void>) => void;
}

/** Owns one control link for as long as the machine stays attached to it. */
export function createLinkLogic(parts: LinkParts): LinkLogic {
  return ({ sendBack }) => {
    const link = parts.createLink();
    if (!link) {
      sendBack({ type: 'link.unneeded' });
      return undefined;
    }
    const tools = parts.openTools?.(
      (payload) => link.sendText(clientMessage.mcp(parts.wire.sessionId, payload)),
      messageLimit(link.maxMessageBytes, () => parts.wire.sessionId),
      (use) => {
        if (use === 'listed') sendBack({ type: 'link.listed' });
      },
    );
    link.open({
      onUp: () => sendBack({ type: 'link.up' }),
      onMessage: (json) => receiveMessage(json, parts, { toMachine: sendBack, tools }),
      onProblem: parts.report,
      onEnd: ({ error, description }) =>
        sendBack({
          type: 'link.failed',
          error: error ?? new ClientError(ErrorCode.transportClosed, description, { retryable: true }),
        }),
    });
    return () => {
      if (tools) parts.onClosing(tools.close());
      parts.onClosing(link.close());
    };
  };
}
