import type { Notice } from './plan.ts';
import type { AnnouncementStrategy } from './settings.ts';

/** Payload for the MCP channel: a log message as the specification has it, with the tasks it is about. */
export function notificationPayload({ taskIds, text }: Notice): unknown {
  return {
    jsonrpc: '2.0',
    method: 'notifications/message',
    params: { level: 'info', logger: 'tasks', data: { task_ids: taskIds, text } },
  };
}

export type AnnouncementPhase = 'queued' | 'sent' | 'spoken' | 'failed' | 'expired';

/** For the event stream; one per task. */
export interface AnnouncementEvent {
  readonly type: 'announcement';
  readonly task: string;
  readonly phase: AnnouncementPhase;
  /** Absent where none was chosen: queued, expired. */
  readonly strategy?: AnnouncementStrategy;
  readonly attempt?: number;
}

export function announcementEvents(
  phase: AnnouncementPhase,
  taskIds: readonly string[],
  how?: { readonly strategy: AnnouncementStrategy; readonly attempt: number },
): readonly AnnouncementEvent[] {
  return taskIds.map((task) => ({ type: 'announcement', task, phase, ...how }));
}
