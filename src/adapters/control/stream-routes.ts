import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { lazyPart } from '../../core/lazy-part.ts';
import type { ControlPowers } from '../../ports/control-api.ts';

const mcpPath = '/v1/mcp';
const loadMetrics = lazyPart(() => import('./metrics-text.ts'));

const text = (mediaType: string) => ({ content: { [mediaType]: { schema: z.string() } } });

/** What is no exchange of two JSON objects: figures, the device as an MCP server, and (elsewhere) the event stream. */
export function addStreamRoutes(app: OpenAPIHono, powers: ControlPowers): void {
  const registry = app.openAPIRegistry;
  registry.registerPath({
    method: 'get',
    path: '/v1/metrics',
    summary: 'Figures for Prometheus',
    responses: { 200: { description: 'Text exposition format', ...text('text/plain') } },
  });
  app.get('/v1/metrics', async (c) => {
    const { contentType, metricsText } = await loadMetrics();
    return c.body(await metricsText(powers.metrics()), 200, { 'content-type': contentType });
  });

  registry.registerPath({
    method: 'get',
    path: '/v1/events',
    summary: 'The event stream as a WebSocket: one message per line of `--events`',
    responses: {
      101: { description: 'Switching to WebSocket' },
      426: { description: 'No WebSocket asked for' },
    },
  });
  app.get('/v1/events', (c) =>
    c.json({ error: { code: 'UPGRADE_REQUIRED', message: 'Open this as a WebSocket.' } }, 426),
  );

  for (const method of ['get', 'post', 'delete'] as const)
    registry.registerPath({
      method,
      path: mcpPath,
      summary: "The device's own tools as an MCP server over streamable HTTP",
      responses: { 200: { description: 'As the Model Context Protocol says' } },
    });
  app.on(['GET', 'POST', 'DELETE'], mcpPath, (c) => powers.mcp(c.req.raw));
}
