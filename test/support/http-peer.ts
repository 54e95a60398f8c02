import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export type HttpAnswer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const servers: Server[] = [];

/** A real server on loopback; its address. */
export async function serveHttp(answer: HttpAnswer): Promise<string> {
  const server = createServer(async (request, response) => answer(request, response, await text(request)));
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** For `afterEach`. */
export async function closeHttpServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

/** Answers with what was asked. */
export const mirror: HttpAnswer = ({ method, url, headers }, response, body) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method, url, type: headers['content-type'], body }));
};
