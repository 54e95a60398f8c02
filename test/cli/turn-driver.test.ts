import { expect, it } from 'vitest';
import { TurnDriver } from '../../src/cli/turn-driver.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import { errorEvent, type StatusEvent } from '../../src/ports/status-display.ts';
import { FakeClock } from '../support/fake-clock.ts';

const away = errorEvent(new ClientError(ErrorCode.provisioningUnreachable, 'away', { retryable: true }));

function drive(turns: number | undefined) {
  const codes: number[] = [];
  const shown: StatusEvent[] = [];
  const driver = new TurnDriver(
    { start: false, say: [], turns },
    {
      clock: new FakeClock(),
      display: { show: (event) => shown.push(event) },
      onDone: (code) => codes.push(code),
    },
  );
  return { driver, codes, shown };
}

it('a script is told after ten failures that the OTA server cannot be reached; the device of a person goes on', () => {
  const script = drive(1);
  const person = drive(undefined);
  for (let failure = 1; failure <= 10; failure++) {
    expect(script.codes).toEqual([]);
    script.driver.show(away);
    person.driver.show(away);
  }
  expect([script.codes, person.codes]).toEqual([[3], []]);
  expect(script.shown).toMatchObject([{ type: 'error', code: 'PROVISIONING_GAVE_UP' }]);
});

it('a script whose server did not know the device ends with the code for that', () => {
  const { driver, codes } = drive(1);
  driver.show(errorEvent(new ClientError(ErrorCode.deviceNotBound, 'the code is 123456')));
  driver.show({ type: 'turn', n: 1, phase: 'started' });
  driver.show({ type: 'turn', n: 1, phase: 'finished' });
  expect(codes).toEqual([5]);
});
