import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { ControlPowers } from '../../ports/control-api.ts';
import { answers } from './route-parts.ts';
import { AccessPointList, Device, Health } from './schemas.ts';

const health = createRoute({
  method: 'get',
  path: '/v1/health',
  summary: 'Whether the device lives; needs no token',
  security: [],
  responses: answers(Health, 'It lives'),
});

const status = createRoute({
  method: 'get',
  path: '/v1/status',
  summary: 'What the device does',
  responses: answers(Device, 'The device'),
});

const accessPoints = createRoute({
  method: 'get',
  path: '/v1/access-points',
  summary: 'Links to access points and tunnels',
  responses: answers(AccessPointList, 'The links'),
});

export function addDeviceRoutes(app: OpenAPIHono, powers: ControlPowers): void {
  app.openapi(health, (c) => c.json({ status: 'ok' } as const, 200));
  app.openapi(status, (c) => c.json(powers.status(), 200));
  app.openapi(accessPoints, (c) => c.json({ accessPoints: [...powers.accessPoints()] }, 200));
}
