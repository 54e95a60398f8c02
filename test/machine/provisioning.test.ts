import { expect, test } from 'vitest';
import { initialTransition } from 'xstate';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import { deviceMachine } from '../../src/machine/device-machine.ts';
import { statusFor } from '../../src/machine/projections.ts';
import { provisioningRetryMs } from '../../src/machine/setup.ts';
import { elapsed, playFrom, provisioned, settings, toggled } from './play.ts';

const start = initialTransition(deviceMachine, settings())[0];
const error = new ClientError(ErrorCode.provisioningUnreachable, 'away', { retryable: true });
const failed = provisioned({ kind: 'failed', error, canUseLastAnswer: false });
const retry = elapsed('provisioningRetry', 'device.provisioning.retrying');
const polled = { type: 'xstate.done.actor.0.device.provisioning.activating', output: undefined } as never;
const code = provisioned({ kind: 'activation', code: '123456', message: 'enter the code' });

test('a device that the server knows is idle', () => {
  expect(statusFor(playFrom(start, [provisioned()]).snapshot)).toBe('idle');
});

test('a code is shown, and after polling the OTA server is asked again, until there is none', () => {
  const activating = playFrom(start, [code]);
  expect([statusFor(activating.snapshot), activating.effects]).toEqual(['activating', ['showActivation']]);
  const again = playFrom(activating.snapshot, [polled, code]);
  expect([statusFor(again.snapshot), again.effects]).toEqual(['activating', ['showActivation']]);
  expect(statusFor(playFrom(again.snapshot, [polled, provisioned()]).snapshot)).toBe('idle');
});

test('a remembered answer lets the device start without the OTA server, and the failure is told', () => {
  const { snapshot, effects } = playFrom(start, [
    provisioned({ kind: 'failed', error, canUseLastAnswer: true }),
  ]);
  expect([statusFor(snapshot), effects.includes('reportError')]).toEqual(['idle', true]);
});

test('failures wait 10, 20, 40 … s, at most five minutes, each told, for as long as it takes', () => {
  expect([1, 2, 3, 6, 7, 1_000].map(provisioningRetryMs)).toEqual([
    10_000, 20_000, 40_000, 300_000, 300_000, 300_000,
  ]);
  let snapshot = start;
  for (let failure = 1; failure < 50; failure++) {
    const retrying = playFrom(snapshot, [failed]);
    expect(retrying.actions.find(({ type }) => type === 'reportProvisioningRetry')?.params).toEqual({
      error,
      delayMs: provisioningRetryMs(failure),
    });
    snapshot = playFrom(retrying.snapshot, [retry]).snapshot;
  }
  expect(playFrom(snapshot, [provisioned()]).snapshot.matches('online')).toBe(true);
});

test('a press of the talk key cuts a wait short', () => {
  const retrying = playFrom(start, [failed]);
  expect(playFrom(retrying.snapshot, [toggled]).snapshot.value).toEqual({ provisioning: 'checking' });
});

test('so does another network, as when Wi-Fi comes later than the device', () => {
  const retrying = playFrom(start, [failed]);
  const changed = playFrom(retrying.snapshot, [{ type: 'network.changed' }]);
  expect(changed.snapshot.value).toEqual({ provisioning: 'checking' });
});

test('a text typed while the device starts is asked first', () => {
  const { snapshot } = playFrom(start, [{ type: 'text.submitted', text: 'early' }, provisioned()]);
  expect([statusFor(snapshot), snapshot.context.text]).toEqual(['connecting', 'early']);
});
