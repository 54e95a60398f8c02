import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { ProvisioningResult } from '../events.ts';
import { deviceSetup, provisioningRetryMs } from '../setup.ts';

const failureOf = (result: ProvisioningResult): ClientError =>
  result.kind === 'failed'
    ? result.error
    : new ClientError(ErrorCode.internal, 'The OTA check did not fail.');

const reportFailure = {
  type: 'reportError',
  params: ({ event }: { event: { output: ProvisioningResult } }) => ({ error: failureOf(event.output) }),
} as const;

/**
 * Where to connect, and does the server know us? Firmware A30–A43. A remembered answer lets the device start while the
 * OTA server is away; without one it is asked again and again, at most five minutes apart.
 */
export const provisioning = deviceSetup.createStateConfig({
  id: 'provisioning',
  initial: 'checking',
  on: {
    'talk.toggled': { target: '.checking', actions: 'wishForDefaultMode' },
    'talk.pressed': { target: '.checking', actions: 'wishForManualMode' },
    'wake.detected': { target: '.checking', actions: 'wishForDefaultMode' },
    'text.submitted': { actions: { type: 'rememberText', params: ({ event }) => ({ text: event.text }) } },
  },
  states: {
    checking: {
      // Who asks to talk now is heard as soon as the server is known, unless they take it back.
      on: {
        'talk.toggled': [{ guard: 'hasWish', actions: 'forgetWish' }, { actions: 'wishForDefaultMode' }],
        'talk.pressed': { actions: 'wishForManualMode' },
        'talk.released': { guard: 'wishesToPress', actions: ['forgetWish', 'reportNotReady'] },
        'wake.detected': { actions: 'wishForDefaultMode' },
      },
      invoke: {
        src: 'checkProvisioning',
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'ready',
            target: '#online',
            actions: 'forgetProvisioningFailures',
          },
          {
            guard: ({ event }) => event.output.kind === 'activation',
            target: 'activating',
            actions: [
              'forgetProvisioningFailures',
              {
                type: 'showActivation',
                params: ({ event }) =>
                  event.output.kind === 'activation' ? event.output : { code: '', message: '' },
              },
            ],
          },
          {
            guard: ({ event }) => event.output.kind === 'failed' && event.output.canUseLastAnswer,
            target: '#online',
            actions: ['forgetProvisioningFailures', reportFailure],
          },
          {
            target: 'retrying',
            actions: [
              'countProvisioningFailure',
              {
                type: 'reportProvisioningRetry',
                params: ({ context, event }) => ({
                  error: failureOf(event.output),
                  delayMs: provisioningRetryMs(context.provisioningFailures),
                }),
              },
            ],
          },
        ],
      },
    },
    /** A device that stands in a kitchen asks for as long as it takes; a press of the button asks at once. */
    retrying: {
      entry: 'forgetWish',
      after: { provisioningRetry: 'checking' },
      on: { 'network.changed': 'checking' },
    },
    /** The person has to type a code into a web page; meanwhile we poll. */
    activating: { entry: 'forgetWish', invoke: { src: 'activate', onDone: 'checking' } },
  },
});
