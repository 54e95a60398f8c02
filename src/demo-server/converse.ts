import type { Manner } from './behaviour.ts';
import type { ConversationParts } from './conversation-parts.ts';
import type { DeviceLink, DeviceLinkHandler } from './device-link.ts';
import { createGoConversation } from './go-conversation.ts';
import { createJavaConversation } from './java-conversation.ts';
import { createPlainConversation } from './plain-conversation.ts';
import { createPythonConversation } from './python-conversation.ts';

type CreateConversation = (link: DeviceLink, parts: ConversationParts) => DeviceLinkHandler;

const conversationIn: Readonly<Record<Manner, CreateConversation>> = {
  plain: createPlainConversation,
  python: createPythonConversation,
  go: createGoConversation,
  java: createJavaConversation,
};

/** One device, one channel, held in the manner of the server's behaviour. */
export function createConversation(link: DeviceLink, parts: ConversationParts): DeviceLinkHandler {
  return conversationIn[parts.behaviour.manner](link, parts);
}
