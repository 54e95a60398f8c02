import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { ControlledTaskResult, TaskControl } from '../../ports/control-api.ts';
import { answers, byId } from './route-parts.ts';
import { TaskList, TaskResult } from './schemas.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/tasks',
  summary: 'Background tasks, finished ones included',
  responses: answers(TaskList, 'Oldest first'),
});

const get = createRoute({
  method: 'get',
  path: '/v1/tasks/{id}',
  summary: 'One task with its result',
  request: byId,
  responses: answers(TaskResult, 'The task'),
});

const cancel = createRoute({
  method: 'post',
  path: '/v1/tasks/{id}/cancel',
  summary: 'Stop a running task',
  request: byId,
  responses: answers(TaskResult, 'The task, which ends in a moment'),
});

export function addTaskRoutes(app: OpenAPIHono, tasks: TaskControl): void {
  app.openapi(list, (c) => c.json({ tasks: [...tasks.list()] }, 200));
  app.openapi(get, (c) => c.json(find(tasks, c.req.valid('param').id), 200));
  app.openapi(cancel, (c) => {
    const task = find(tasks, c.req.valid('param').id);
    if (!tasks.cancel(task.id)) throw notRunning(task);
    return c.json(task, 200);
  });
}

function find(tasks: TaskControl, id: string): ControlledTaskResult {
  const task = tasks.get(id);
  if (task) return task;
  throw new ClientError(ErrorCode.notFound, `There is no task ${id}. /v1/tasks has those there are.`);
}

function notRunning({ id, state }: ControlledTaskResult): ClientError {
  return new ClientError(
    ErrorCode.conflict,
    `${id} does not run: it is ${state}. Only a running task can be cancelled.`,
  );
}
