import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { ControlledMount, MountControl } from '../../ports/control-api.ts';
import { answers, byName, jsonBody, optionalJsonBody } from './route-parts.ts';
import { Mount, MountDefinition, MountList, MountLogs, SeenTools } from './schemas.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/mounts',
  summary: 'Mounted MCP servers',
  responses: answers(MountList, 'The mounts'),
});

const add = createRoute({
  method: 'post',
  path: '/v1/mounts',
  summary: 'Mount a server; kept over restarts',
  request: jsonBody(MountDefinition),
  responses: answers(Mount, 'The mount; its tools are held unless it is trusted'),
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/mounts/{name}',
  summary: 'Remove an installed mount',
  request: byName,
  responses: answers(MountList, 'The mounts that are left'),
});

const logs = createRoute({
  method: 'get',
  path: '/v1/mounts/{name}/logs',
  summary: 'The last lines that the server has written',
  request: byName,
  responses: answers(MountLogs, 'Newest last'),
});

const actionRoute = <Action extends string>(action: Action, summary: string) =>
  createRoute({
    method: 'post',
    path: `/v1/mounts/{name}/${action}`,
    summary,
    request: byName,
    responses: answers(Mount, 'The mount'),
  });

const restart = actionRoute('restart', 'Start the server anew');
const enable = actionRoute('enable', 'Offer its tools again');
const disable = actionRoute('disable', 'Stop the server and offer none of its tools');
const approve = createRoute({
  method: 'post',
  path: '/v1/mounts/{name}/approve',
  summary: 'Offer its held tools as they were shown; 409 and shown again where one is another',
  request: { ...byName, ...optionalJsonBody(SeenTools) },
  responses: answers(Mount, 'The mount'),
});

export function addMountRoutes(app: OpenAPIHono, mounts: MountControl): void {
  const shown = (mount: ControlledMount) => ({ ...mount, held: [...mount.held] });
  const all = () => ({ mounts: mounts.list().map(shown) });
  app.openapi(list, (c) => c.json(all(), 200));
  app.openapi(add, async (c) => {
    const { name, ...definition } = c.req.valid('json');
    return c.json(shown(await mounts.add(name, definition)), 200);
  });
  app.openapi(remove, async (c) => {
    await mounts.remove(c.req.valid('param').name);
    return c.json(all(), 200);
  });
  app.openapi(logs, async (c) => c.json({ lines: [...(await mounts.logs(c.req.valid('param').name))] }, 200));
  app.openapi(restart, async (c) => c.json(shown(await mounts.restart(c.req.valid('param').name)), 200));
  app.openapi(enable, async (c) => c.json(shown(await mounts.enable(c.req.valid('param').name)), 200));
  app.openapi(disable, async (c) => c.json(shown(await mounts.disable(c.req.valid('param').name)), 200));
  app.openapi(approve, async (c) => {
    const seen = c.req.valid('json');
    const { name } = c.req.valid('param');
    return c.json(shown(await mounts.approve(name, 'tools' in seen ? seen.tools : {})), 200);
  });
}
