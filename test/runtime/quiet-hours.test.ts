import { expect, test } from 'vitest';
import { clockLookMs } from '../../src/core/system-time.ts';
import { settings } from '../machine/play.ts';
import { DeviceHarness } from '../support/device-harness.ts';

/** A device with mail at a time of day that can be set. */
async function withMail(at: Date) {
  let now = at;
  const announcements = { ...settings().announcements, quietHours: { from: '22:00', to: '07:00' } };
  const device = await DeviceHarness.idle({ settings: { announcements, now: () => now } });
  device.device.send({
    type: 'tool.completed',
    mail: { taskId: 't1', tool: 'laundry', outcome: 'done', text: 'dry' },
  });
  await device.pass(5000);
  return {
    status: () => device.device.status,
    pass: (ms: number) => device.pass(ms),
    set: (date: Date) => {
      now = date;
    },
  };
}

test('a clock that is set out of the quiet hours lets the device speak', async () => {
  const night = await withMail(new Date(2024, 0, 1, 23));
  await night.pass(60_000);
  expect(night.status()).toBe('idle');
  night.set(new Date(2026, 2, 10, 12));
  await night.pass(clockLookMs);
  expect(night.status()).toBe('announcing');
});

test('a clock that is set back while it is quiet keeps it quiet', async () => {
  const night = await withMail(new Date(2026, 2, 10, 6, 59, 30));
  night.set(new Date(2026, 2, 9, 23));
  await night.pass(3_600_000);
  expect(night.status()).toBe('idle');
});
