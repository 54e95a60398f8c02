import type { DeviceControl } from '../../ports/device-control.ts';
import type { Recorder } from '../../ports/recorder.ts';
import type { Tool } from '../tool.ts';
import { type CameraParts, createCameraTool } from './camera.ts';
import { createDeviceStatusTool } from './device-status.ts';
import { createRecorderTools } from './recorder.ts';
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
  /** Only where there is sound to record. */
  readonly recorder?: Recorder | undefined;
}

/** All tools of the device itself, in the order of the list: common ones, then those for people (firmware G25). */
export function createBuiltinTools(parts: BuiltinToolParts): readonly Tool[] {
  const { device, tasks, timers, camera, recorder } = parts;
  return [
    createDeviceStatusTool(device),
    createVolumeTool(device),
    ...(camera ? [createCameraTool(camera)] : []),
    ...createTaskTools(tasks),
    ...createTimerTools(timers),
    ...(recorder ? createRecorderTools(recorder) : []),
    ...createSystemTools(device),
  ];
}
