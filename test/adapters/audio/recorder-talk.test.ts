import { describe, expect, test } from 'vitest';
import { openingAdvice } from '../../../src/adapters/audio/opening-advice.ts';
import { hearRecorder } from '../../../src/adapters/audio/recorder-talk.ts';

describe('what a recording program says', () => {
  test('its complaint is the last line, whatever ALSA said before', () => {
    const text = 'ALSA lib conf.c:1: (x) Unknown PCM\narecord: main:831: audio open error: No such device\n';
    expect(hearRecorder(text)).toEqual({
      xruns: 0,
      device: undefined,
      complaint: 'arecord: main:831: audio open error: No such device',
    });
    expect(hearRecorder(`${'x'.repeat(300)}\n`).complaint).toHaveLength(200);
  });

  test('what parec tells of its progress is no complaint', () => {
    const text =
      "Opening a recording stream with sample specification 's16le 1ch 16000Hz' and channel map 'mono'.\n" +
      'Connection established.\x1b[K\nStream successfully created.\nBuffer metrics: maxlength=4194304, fragsize=640\n' +
      "Using sample spec 's16le 1ch 16000Hz', channel map 'mono'.\n" +
      'Connected to device usb (index: 2, suspended: no).\nTime: 0.060 sec; Latency: 546 usec.        \r' +
      'Time: 0.100 sec; Latency: 513 usec.        \r';
    expect(hearRecorder(text)).toEqual({ xruns: 0, device: 'usb', complaint: undefined });
  });

  test('lost sound is counted, and a move of the sound server is read', () => {
    expect(hearRecorder('overrun!!! (at least 12.3 ms long)\n').xruns).toBe(1);
    expect(
      hearRecorder(
        'Time: 0.1 sec; Latency: 5 usec.  \rStream moved to device built-in (3, not suspended).\x1b[K \n',
      ),
    ).toEqual({ xruns: 0, device: 'built-in', complaint: undefined });
  });
});

test.each([
  ['arecord ended with 1. audio open error: Device or resource busy', /fuser -v \/dev\/snd/],
  ['Device unavailable', /fuser -v \/dev\/snd/],
  ['arecord ended with 1. audio open error: Permission denied', /sudo adduser \$USER audio/],
  ['parec ended with 1. Connection failure: Connection refused', /pactl info/],
  ['no sound arrives', /xiaozhi-speaker devices/],
])('a device that cannot be opened (%s) comes with what to do', (details, advice) => {
  expect(openingAdvice(details)).toMatch(advice);
});
