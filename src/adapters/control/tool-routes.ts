import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { stringifyExact, withExactMember } from '../../core/exact-json.ts';
import type { ToolControl } from '../../ports/control-api.ts';
import { answers, byName, jsonBody, optionalJsonBody } from './route-parts.ts';
import { CallReply, CallRequest, SeenTool, Tool, ToolDefinition, ToolList } from './schemas.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/tools',
  summary: 'All tools, held and denied ones included',
  responses: answers(ToolList, 'The tools, in the order in which they are offered'),
});

const install = createRoute({
  method: 'post',
  path: '/v1/tools',
  summary: 'Add a tool, or replace the installed one of this name; kept over restarts',
  request: jsonBody(ToolDefinition),
  responses: answers(Tool, 'The tool; held unless it is trusted'),
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/tools/{name}',
  summary: 'Remove an installed tool',
  request: byName,
  responses: answers(ToolList, 'The tools that are left'),
});

const approve = createRoute({
  method: 'post',
  path: '/v1/tools/{name}/approve',
  summary: 'Offer a held tool as it was shown; 409 and shown again where it is another',
  request: { ...byName, ...optionalJsonBody(SeenTool) },
  responses: answers(Tool, 'The tool'),
});

const call = createRoute({
  method: 'post',
  path: '/v1/tools/{name}/call',
  summary: 'Call a tool as the model would',
  request: { ...byName, ...jsonBody(CallRequest) },
  responses: answers(CallReply, 'The whole result, or the task that goes on'),
});

export function addToolRoutes(app: OpenAPIHono, tools: ToolControl): void {
  const all = () => ({ tools: [...tools.list()] });
  app.openapi(list, (c) => c.json(all(), 200));
  app.openapi(install, async (c) => c.json(await tools.install(c.req.valid('json')), 200));
  app.openapi(remove, async (c) => {
    await tools.remove(c.req.valid('param').name);
    return c.json(all(), 200);
  });
  app.openapi(approve, async (c) => {
    const seen = c.req.valid('json');
    return c.json(await tools.approve(c.req.valid('param').name, 'group' in seen ? seen : undefined), 200);
  });
  app.openapi(call, async (c) => {
    // Numbers keep their digits on the way in and out, which no validated body does.
    const sent = withExactMember(c.req.valid('json'), await c.req.text(), ['args']) as {
      readonly args: Readonly<Record<string, unknown>>;
    };
    const reply = await tools.call(c.req.valid('param').name, sent.args, c.req.raw.signal);
    return c.body(stringifyExact(reply) ?? 'null', 200, { 'content-type': 'application/json' }) as never;
  });
}
