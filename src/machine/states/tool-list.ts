import { not } from 'xstate';
import { deviceSetup } from '../setup.ts';

/**
 * Whether the server knows the tools as they are. Servers that read the list only once have to be met anew; that waits
 * until nobody talks, and for servers that read again when they are told of the change. Beside the conversation, because
 * tools come and go in every state of it.
 */
export const toolList = deviceSetup.createStateConfig({
  id: 'toolList',
  initial: 'current',
  states: {
    current: { on: { 'tools.changed': 'told' } },
    told: { after: { listReread: [{ guard: 'isSettled', target: 'outdated' }, { target: 'looking' }] } },
    /** Whether the server honours the announcement; if not, what follows waits for the end of the conversation. */
    looking: {
      entry: 'compareToolLists',
      on: {
        'tools.changed': 'told',
        'tools.read': 'current',
        'tools.unread': { target: 'outdated', actions: 'noteUnreadList' },
      },
    },
    outdated: { always: { guard: 'isSettled', target: 'comparing' } },
    /** Answered by `tools.read` or `tools.unread`, unless somebody begins to talk meanwhile. */
    comparing: {
      entry: 'compareToolLists',
      always: { guard: not('isSettled'), target: 'outdated' },
      on: {
        'tools.changed': 'told',
        'tools.read': 'current',
        // The conversation hangs up and the link is made anew on the same event.
        'tools.unread': 'met',
      },
    },
    /** A list that never stops changing must not keep the link down: what changes now is looked at afterwards. */
    met: { after: { listRest: 'outdated' } },
  },
});
