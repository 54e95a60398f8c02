import { type Hook, OpenAPIHono } from '@hono/zod-openapi';
import type { Env } from 'hono';
import { toClientError } from '../../core/errors.ts';
import { reportedWords } from '../../core/fault-words.ts';
import type { Logger } from '../../core/logger.ts';
import { isTooDeep } from '../../core/readable-schema.ts';
import type { ControlPowers } from '../../ports/control-api.ts';
import { addDeviceRoutes } from './device-routes.ts';
import { failureOf, toldOf } from './failure.ts';
import { addMountRoutes } from './mount-routes.ts';
import { addStreamRoutes } from './stream-routes.ts';
import { addTaskRoutes } from './task-routes.ts';
import { addToolRoutes } from './tool-routes.ts';
import { addVerbRoutes } from './verb-routes.ts';

/** All routes. Who may come in has been decided before (`guard.ts`). */
export function createControlApp(powers: ControlPowers, logger: Logger, version: string): OpenAPIHono {
  const app = new OpenAPIHono({ defaultHook: refuseBadInput });
  // Before anybody walks through it.
  app.use(async (c, next) => {
    // What belongs to MCP reads its body itself.
    const isJson = c.req.header('content-type')?.includes('json') === true && c.req.path !== '/v1/mcp';
    if (isJson && isTooDeep(await c.req.json().catch(() => undefined)))
      return c.json(failureOf('BAD_REQUEST', 'The body is nested too deep.'), 400);
    return await next();
  });
  addDeviceRoutes(app, powers);
  addVerbRoutes(app, powers);
  addToolRoutes(app, powers.tools);
  addMountRoutes(app, powers.mounts);
  addTaskRoutes(app, powers.tasks);
  addStreamRoutes(app, powers);
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' });
  app.doc31('/v1/openapi.json', {
    openapi: '3.1.0',
    // On TCP only; the unix socket asks for none.
    security: [{ token: [] }],
    info: { title: 'xiaozhi-speaker', version, description: 'The control API of a running device.' },
  });
  app.notFound((c) =>
    c.json(failureOf('NOT_FOUND', 'There is no such route; /v1/openapi.json has them all.'), 404),
  );
  app.onError((thrown, c) => {
    // A body that is no JSON at all; its parser says so with a status of its own.
    if ('status' in thrown && thrown.status === 400)
      return c.json(failureOf('BAD_REQUEST', 'The body is not valid JSON.'), 400);
    const error = toClientError(thrown);
    const { status, body } = toldOf(error);
    if (status === 500) logger.error('A request to the control API failed', { message: error.message });
    return c.json(body, status);
  });
  return app;
}

/** Says where, but shows no value: it may be a secret. */
const refuseBadInput: Hook<unknown, Env, string, Response | undefined> = (result, c) => {
  if (result.success) return undefined;
  const faults = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'body'}: ${reportedWords(issue)}`,
  );
  return c.json(failureOf('BAD_REQUEST', faults.join('; ').slice(0, 1000)), 400);
};
