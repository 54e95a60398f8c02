import type { ClientError } from '../../core/errors.ts';
import { deviceSetup } from '../setup.ts';

const reportError = {
  type: 'reportError',
  params: ({ event }: { event: { error: ClientError } }) => ({ error: event.error }),
} as const;

/**
 * The connection for control messages that some servers want kept between conversations (firmware D5). It lives beside the
 * conversation: it may come and go in every state of it, and is always come back to.
 */
export const link = deviceSetup.createStateConfig({
  id: 'link',
  initial: 'attached',
  states: {
    attached: {
      invoke: { src: 'link', id: 'link' },
      initial: 'connecting',
      exit: 'forgetListedOverLink',
      on: {
        'link.listed': { actions: 'noteListedOverLink' },
        'link.unneeded': 'none',
        'road.changed': { target: 'attached', reenter: true },
        'link.failed': [
          {
            guard: { type: 'isRefusal', params: ({ event }) => ({ error: event.error }) },
            target: 'refreshing',
            actions: [reportError, 'countLinkFailure'],
          },
          { target: 'waiting', actions: [reportError, 'countLinkFailure'] },
        ],
        // Gateways read the tools once per connection (servers.md 3.3).
        'tools.unread': { guard: 'isComparingToolLists', target: 'attached', reenter: true },
      },
      states: {
        connecting: { on: { 'link.up': 'up' } },
        up: { after: { healthyPeriod: { actions: 'forgetLinkFailures' } } },
      },
    },
    /** Refused: our credentials may be old, so the OTA server is asked before the next try. */
    refreshing: { invoke: { src: 'checkProvisioning', onDone: 'waiting' } },
    waiting: {
      after: { linkRetry: 'attached' },
      on: { 'network.changed': 'attached', 'road.changed': 'attached' },
    },
    /** The road in use needs none. */
    none: { on: { 'road.changed': 'attached' } },
  },
});
