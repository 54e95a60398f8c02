import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** Answers every HTTP request with `body`; in a process of its own, so that it takes no time from whoever measures. */
export async function startService(body) {
  const child = fork(import.meta.filename);
  child.send(body);
  const [url] = await once(child, 'message');
  return { url, stop: () => child.disconnect() };
}

if (process.argv[1] === import.meta.filename) {
  process.once('message', (body) => {
    const http = createServer((_, response) => response.end(body)).listen(0, '127.0.0.1', () =>
      process.send(`http://127.0.0.1:${http.address().port}/`),
    );
  });
  process.on('disconnect', () => process.exit());
}
