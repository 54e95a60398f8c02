import type { DeviceControl } from '../../ports/device-control.ts';
import type { Tool } from '../tool.ts';
import { builtin } from './builtin.ts';

/** `self.get_device_status`: volume, screen, battery, network, temperature (firmware G50). */
export function createDeviceStatusTool(device: DeviceControl): Tool {
  return builtin({
    name: 'self.get_device_status',
    description:
      'Current state of the device: speaker volume, screen, battery, network.\n' +
      'Use it to answer questions about the device as it is now, and before changing a setting relative to its current value.',
    run: async () => {
      const { screen = {}, battery, network, chipTemperature } = await device.hardware();
      return {
        kind: 'json',
        value: {
          audio_speaker: { volume: device.volumePercent() },
          screen,
          ...(battery && { battery }),
          network,
          ...(chipTemperature !== undefined && { chip: { temperature: chipTemperature } }),
        },
      };
    },
  });
}
