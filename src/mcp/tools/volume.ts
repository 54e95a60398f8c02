import type { DeviceControl } from '../../ports/device-control.ts';
import type { Tool } from '../tool.ts';
import { builtin } from './builtin.ts';

/** `self.audio_speaker.set_volume`. */
export function createVolumeTool(device: DeviceControl): Tool {
  return builtin({
    name: 'self.audio_speaker.set_volume',
    description:
      'Set the volume of the speaker, 0 to 100. If the current volume is not known, call self.get_device_status first.',
    properties: { volume: { type: 'integer', minimum: 0, maximum: 100 } },
    required: ['volume'],
    run: ({ volume }) => {
      device.setVolume(volume as number);
      return Promise.resolve({ kind: 'text', text: 'true' });
    },
  });
}
