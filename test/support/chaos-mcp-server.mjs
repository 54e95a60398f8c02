// A stdio MCP server that misbehaves as it is told. Started as `node chaos-mcp-server.mjs '{…}'`; the options and the tools
// are described in chaos-mcp-server.ts. No SDK: what goes over the wire is what is written here.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const options = JSON.parse(process.argv[2] ?? '{}');
const note = (line) => options.journal && appendFileSync(options.journal, `${line}\n`);
const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const send = (message) => write({ jsonrpc: '2.0', ...message });
const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });

const object = { type: 'object' };
const tool = (name, description, properties = {}) => ({
  name,
  description,
  inputSchema: { ...object, properties },
});
const listed = options.tools ?? [
  tool('echo', 'Says what it is told', { text: { type: 'string' } }),
  tool('sleep', 'Answers after a while', { ms: { type: 'integer' } }),
];
const pageSize = options.pageSize ?? 50;
let calls = 0;
let nextRequestId = 1;
const asked = new Map();

const tools = {
  echo: ({ text: said }) => text(said),
  sleep: ({ ms }) => new Promise((resolve) => setTimeout(() => resolve(text(`slept ${ms}`)), ms)),
  never: () => new Promise(() => {}),
  calls: () => text(calls),
  pid: () => text(process.pid),
  env: ({ name }) => text(process.env[name] ?? ''),
  cwd: () => text(process.cwd()),
  args: () => text(JSON.stringify(process.argv.slice(3))),
  fail: () => ({ ...text('No such city'), isError: true }),
  reject: ({ message }) => {
    throw new Error(message ?? 'It is forbidden');
  },
  die: ({ code = 3, lastWords = 'out of memory' }) => {
    process.stderr.write(`${lastWords}\n`, () => process.exit(code));
    return new Promise(() => {});
  },
  giant: ({ bytes }) => text('x'.repeat(bytes)),
  raw: ({ result }) => result,
  answer: () => undefined,
  log: ({ text: line }) => {
    process.stderr.write(`${line}\n`);
    return text('logged');
  },
  notice: ({ data }) => {
    send({ method: 'notifications/message', params: { level: 'info', data } });
    return text('noticed');
  },
  print: ({ text: line }) => {
    process.stdout.write(`${line}\n`);
    return text('printed');
  },
  add_tool: ({ name }) => {
    listed.push(tool(name, 'A new one'));
    send({ method: 'notifications/tools/list_changed' });
    return text('added');
  },
  storm: ({ count }) => {
    for (let n = 0; n < count; n++) send({ method: 'notifications/tools/list_changed' });
    return text('stormed');
  },
  ask: ({ method }) =>
    new Promise((resolve) => {
      const id = `ask-${nextRequestId++}`;
      asked.set(id, (answer) => resolve(text(JSON.stringify(answer))));
      send({ id, method, params: {} });
    }),
  fork: ({ hidden }) => text(forkChild(hidden)),
};

/** A grandchild that ignores TERM; hidden: in a session of its own, so that no group signal reaches it. */
function forkChild(hidden) {
  const line = 'trap "" TERM; while :; do sleep 1; done';
  const child = spawn('/bin/sh', ['-c', line], { detached: Boolean(hidden), stdio: 'inherit' });
  note(`pid ${child.pid}`);
  return child.pid;
}

function page(cursor) {
  const at = Number(cursor ?? 0);
  if (options.pages === 'endless')
    return { tools: [tool(`tool_${at}`, 'One of many')], nextCursor: String(at + 1) };
  if (options.pages === 'loop') return { tools: [tool(`tool_${at}`, 'Again')], nextCursor: '0' };
  const end = at + pageSize;
  return {
    tools: listed.slice(at, end),
    ...(end < listed.length && { nextCursor: String(end) }),
  };
}

async function call(id, { name, arguments: args = {} }) {
  calls += 1;
  note(`call ${name}`);
  try {
    const run = tools[name];
    if (!run) throw new Error(`Unknown tool: ${name}`);
    const answer = name === 'answer' ? args : { result: await run(args) };
    send({ id, ...answer });
  } catch ({ message }) {
    send({ id, error: { code: -32602, message } });
  }
}

const methods = {
  initialize: (id, { protocolVersion } = {}) => {
    if (options.initialize === 'hang') return;
    if (options.initialize === 'refuse')
      return send({ id, error: { code: -32600, message: 'No licence key given' } });
    if (options.initialize === 'exit') {
      process.stderr.write('Error: API_KEY is not set\n', () => process.exit(1));
      return;
    }
    const result = {
      protocolVersion,
      capabilities: { tools: { listChanged: true }, logging: {} },
      serverInfo: { name: 'chaos', version: '1.2.3' },
    };
    setTimeout(() => send({ id, result }), options.initializeDelayMs ?? 0);
  },
  'tools/list': (id, { cursor } = {}) => {
    note('list');
    if (options.list !== 'hang') send({ id, result: page(cursor) });
  },
  'tools/call': call,
  ping: (id) => {
    note('ping');
    if (options.pingLine !== undefined) process.stdout.write(`${options.pingLine}\n`);
    else if (options.ping !== 'hang') send({ id, ...(options.pingAnswer ?? { result: {} }) });
  },
};

note(`pid ${process.pid}`);
if (options.ignoreTerm) process.on('SIGTERM', () => note('term'));
if (options.fork) forkChild(options.fork === 'hidden');
if (options.byteOrderMark) process.stdout.write('\ufeff');
for (const line of options.greeting ?? []) process.stdout.write(`${line}\n`);
if (options.floodStderr) {
  const spam = `${'flood '.repeat(10)}\n`.repeat(1000);
  const flood = () => process.stderr.write(spam, () => setImmediate(flood));
  flood();
}
if (options.stormPerSecond) {
  let changes = 0;
  setInterval(() => {
    changes += 1;
    if (options.changes) listed[0].description = `Changed ${changes} times`;
    send({ method: 'notifications/tools/list_changed' });
  }, 1000 / options.stormPerSecond);
}

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const { id, method, params, ...rest } = JSON.parse(line);
  if (method === undefined) asked.get(id)?.(rest.error ?? rest.result);
  else if (id === undefined) note(`${method} ${JSON.stringify(params ?? {})}`);
  else if (methods[method]) methods[method](id, params);
  else send({ id, error: { code: -32601, message: 'Method not found' } });
});
if (options.ignoreTerm) setInterval(() => {}, 1000);
else input.on('close', () => process.exit(0));
