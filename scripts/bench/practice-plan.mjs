/**
 * Ten minutes of conversation, held in time that runs `speed` times as fast at both ends: every packet comes by itself, as it
 * will.
 */
export const practice = { speed: 15, conversations: 4, conversationMs: 10_000, settleMs: 10_000 };

/** What the microphone needs to have something to say in all of them. */
export const practiceSeconds =
  practice.conversations * ((practice.speed * practice.conversationMs) / 1000 + 10);
