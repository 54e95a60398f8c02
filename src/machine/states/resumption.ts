import { deviceSetup } from '../setup.ts';

/**
 * Whether a conversation whose connection was lost may go on by itself: only for a moment, because who is in the room may
 * have changed since. Beside the conversation, because the moment lasts over every try to come back.
 */
export const resumption = deviceSetup.createStateConfig({
  id: 'resumption',
  initial: 'none',
  states: {
    none: {
      on: {
        'channel.failed': [
          { guard: 'mayResume', target: 'fresh' },
          { guard: 'holdsKey', target: 'held' },
        ],
      },
    },
    fresh: {
      always: { guard: 'isBack', target: 'none' },
      after: { resumeWithin: 'stale' },
      // A new wish is as good as any.
      on: { 'talk.pressed': 'none', 'talk.toggled': 'none', 'wake.detected': 'none' },
    },
    /** The first connection failed under a key that is being held. */
    held: {
      always: { guard: 'isBack', target: 'none' },
      after: { resumeWithin: 'stale' },
      on: { 'talk.pressed': 'none', 'talk.toggled': 'none', 'wake.detected': 'none' },
    },
    stale: {
      entry: 'useManualMode',
      always: { guard: 'isBack', target: 'none' },
      on: { 'talk.pressed': 'none', 'talk.toggled': 'none', 'wake.detected': 'none' },
    },
  },
});
