/**
 * How a conversation begins where there is no channel: whatever still sounds falls silent, and a channel is opened for
 * what the person wants.
 */
export const beginConversation = {
  'talk.toggled': { target: '#opening.toListen', actions: ['flushPlayback', 'useDefaultMode'] },
  'talk.pressed': { target: '#opening.toListen', actions: ['flushPlayback', 'useManualMode'] },
  'wake.detected': [
    {
      guard: 'uploadsWakeWord',
      target: '#opening.toWake',
      actions: [
        'flushPlayback',
        'useDefaultMode',
        {
          type: 'rememberWakePhrase',
          params: ({ event }: { event: { phrase: string } }) => ({ phrase: event.phrase }),
        },
      ],
    },
    { target: '#opening.toListen', actions: ['flushPlayback', 'useDefaultMode'] },
  ],
  'text.submitted': {
    target: '#opening.toText',
    actions: [
      'flushPlayback',
      'useManualMode',
      { type: 'rememberText', params: ({ event }: { event: { text: string } }) => ({ text: event.text }) },
    ],
  },
} as const;
