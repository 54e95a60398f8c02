import type { NextTurn } from '../core/loop-turns.ts';
import { createLanes, queuedRun, type Turn } from './lanes.ts';
import { createSlots, type Slot } from './slots.ts';
import type { TaskRun } from './task-run.ts';
import type { Tool } from './tool.ts';

/** Calls of configured and mounted tools that may work at once: each may hold 2 MiB, or a process. */
const maxWorking = 16;

export interface QueuedRun {
  readonly run: TaskRun;
  /** Makes room for the next call although this one still runs. */
  readonly leaveSlot: () => void;
}

/** Lets runs begin: one at a time of a tool that is called `alone`, some at a time of all that work outside the device. */
export function createRunQueue(nextTurn: NextTurn): {
  enter(tool: Tool, alone: boolean, start: () => TaskRun): QueuedRun;
} {
  const lanes = createLanes();
  const slots = createSlots(maxWorking, nextTurn);
  return {
    enter({ name, source }, alone, start) {
      let slot: Slot | undefined;
      let left = false;
      const leaveSlot = () => {
        left = true;
        slot?.leave();
      };
      const enterSlot = (): Turn => {
        if (source === 'builtin') return () => {};
        slot = slots.enter();
        if (left) slot.leave();
        return slot.granted?.then(() => leaveSlot) ?? leaveSlot;
      };
      if (!alone) return { run: queuedRun(enterSlot(), start), leaveSlot };
      // First the lane: who waits for another call of the same tool must not keep a slot from others.
      const turn = lanes.enter(name).then(async (leaveLane) => {
        await enterSlot();
        return () => {
          leaveSlot();
          leaveLane();
        };
      });
      return { run: queuedRun(turn, start), leaveSlot };
    },
  };
}
