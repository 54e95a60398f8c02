import { expect, test } from 'vitest';
import { deviceReport, devicesAction } from '../../src/cli/devices.ts';
import { runAction } from '../support/cli-run.ts';

test('devices are listed with what to put in the configuration, usable ones first', () => {
  const report = deviceReport([
    {
      role: 'microphone',
      backend: 'portaudio',
      spec: 'portaudio',
      description: 'default',
      problem: 'Not installed.',
    },
    { role: 'microphone', backend: 'record', spec: 'record:hw:0', description: 'USB Microphone' },
    { role: 'loudspeaker', backend: 'null', spec: 'null', description: 'heard by nobody' },
  ]);
  expect(report.split('\n')).toEqual([
    'Microphones (--mic SPEC, or audio.microphone in the configuration)',
    '  ✓ record:hw:0  USB Microphone',
    '  ✗ portaudio    Not installed.',
    '',
    'Loudspeakers (--speaker SPEC, or audio.loudspeaker in the configuration)',
    '  ✓ null  heard by nobody',
    '',
  ]);
});

test('on any computer there are at least a file and nothing at all', async () => {
  const { code, stdout } = await runAction(devicesAction, {}, {});
  expect(code).toBe(0);
  for (const spec of ['wav:FILE', 'null']) expect(stdout.split(`✓ ${spec}`)).toHaveLength(3);
});
