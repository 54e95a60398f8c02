import type { DeviceControl } from '../../ports/device-control.ts';
import type { Tool } from '../tool.ts';
import { type CameraParts, createCameraTool } from './camera.ts';
import { createDeviceStatusTool } from './device-status.ts';
import { createSystemTools } from './system.ts';
import { createTaskTools, type TaskToolParts } from './tasks.ts';
import { createTimerTools, type TimerToolParts } from './timer.ts';
import { createVolumeTool } from './volume.ts';

export type { CameraParts };

export interface BuiltinToolParts {
  readonly device: DeviceControl;
  readonly tasks: TaskToolParts;
  readonly timers: TimerToolParts;
  /** Only when there is a camera. */
  readonly camera?: CameraParts | undefined;
}

/** All tools of the device itself, in the order of the list: common ones, then those for people (firmware G25). */
export function createBuiltinTools({ device, tasks, timers, camera }: BuiltinToolParts): readonly Tool[] {
  return [
    createDeviceStatusTool(device),
    createVolumeTool(device),
    ...(camera ? [createCameraTool(camera)] : []),
    ...createTaskTools(tasks),
    ...createTimerTools(timers),
    ...createSystemTools(device),
  ];
}
