import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * Answers every HTTP request with `body`, on a free port or a unix socket; in a process of its own, so that it takes no time
 * from whoever measures.
 */
export async function startService(body, socketPath) {
  const child = fork(import.meta.filename);
  child.send({ body, socketPath });
  const [url] = await once(child, 'message');
  return { url, stop: () => child.disconnect() };
}

if (process.argv[1] === import.meta.filename) {
  process.once('message', ({ body, socketPath }) => {
    const place = socketPath ? { path: socketPath } : { host: '127.0.0.1', port: 0 };
    const http = createServer((_, response) => response.end(body)).listen(place, () =>
      process.send(`http://127.0.0.1:${http.address().port}/`),
    );
  });
  process.on('disconnect', () => process.exit());
}
