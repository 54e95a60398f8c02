import { once } from 'node:events';
import { request } from 'node:http';

/** One request, by POST where there is a body, over a unix socket; gives the body of the answer. */
export async function ask({ socketPath, agent, path, body }) {
  const headers = body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const asked = request({ socketPath, agent, path, method: body ? 'POST' : 'GET', headers });
  asked.end(body);
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${text}`);
  return text;
}
