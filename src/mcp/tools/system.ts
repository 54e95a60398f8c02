import type { DeviceControl } from '../../ports/device-control.ts';
import type { Tool } from '../tool.ts';
import { builtin } from './builtin.ts';

/** Tools for people, not for the model: `self.get_system_info` and `self.reboot`. */
export function createSystemTools(device: DeviceControl): readonly Tool[] {
  return [
    builtin({
      name: 'self.get_system_info',
      description: 'What the device tells its server about itself: program, chip, memory, network.',
      audience: 'user',
      maxResultBytes: 8000,
      run: async () => ({ kind: 'text', text: await device.systemInfo() }),
    }),
    builtin({
      name: 'self.reboot',
      description: 'Restart the device.',
      audience: 'user',
      run: () => {
        device.reboot();
        return Promise.resolve({ kind: 'text', text: 'true' });
      },
    }),
  ];
}
