import type { RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';

/** Lets an application of web-standard requests answer those of Node. The global classes stay Node's own. */
export function requestListenerOf(
  fetch: (request: Request) => Response | Promise<Response>,
): RequestListener {
  return getRequestListener(fetch, { overrideGlobalObjects: false }) as RequestListener;
}
