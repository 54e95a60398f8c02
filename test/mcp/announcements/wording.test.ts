import { expect, test } from 'vitest';
import { createFailures } from '../../../src/adapters/mcp-client/failures.ts';
import { createFailureMaker } from '../../../src/adapters/tools/tool-failure.ts';
import type { ClientError } from '../../../src/core/errors.ts';
import { inWords, words } from '../../../src/core/words.ts';
import { factOf } from '../../../src/mcp/announcements/wording.ts';
import { mountError } from '../../../src/mcp/mounts/mount-errors.ts';
import { mountedOutput } from '../../../src/mcp/mounts/mounted-output.ts';
import { heldTool, origin, TaskBench, text, tool } from '../../support/task-bench.ts';

const failed = (error: ClientError, language: 'en' | 'zh-CN') =>
  factOf(
    { taskId: 't1', tool: 'cake', outcome: 'failed', text: error.message, words: error.words },
    language,
    300,
  );
const failure = createFailureMaker('cake', ['geheim']);
const server = createFailures({ type: 'stdio', command: 'x', args: [], env: { TOKEN: 'geheim' }, cwd: '/' });

const failures: readonly (readonly [ClientError, string, string])[] = [
  [
    failure.failed(words('remarked', { text: 'no eggs', what: words('exitCode', { code: 3 }) })),
    'no eggs (exit code 3).',
    'no eggs（退出码3）。',
  ],
  [
    failure.unreachable({ code: 'ECONNREFUSED' }),
    'it cannot be reached: nothing is listening there.',
    '无法连接：对方没有在运行。',
  ],
  [
    failure.badOutput(words('printedBinary')),
    'it gave no usable answer: it printed binary data instead of text.',
    '没有得到可用的结果：输出的是二进制数据，不是文字。',
  ],
  [failure.aborted(AbortSignal.abort()), 'it was stopped before it had finished.', '还没有完成就被停止了。'],
  [
    server.network({ code: 'ENOTFOUND' }),
    'The MCP server cannot be reached: the name of the host is not known; check the url.',
    '无法连接MCP服务器：找不到这个主机名；请检查url。',
  ],
  [
    mountError.notWorking('home', server.unreachable(words('endedWithCode', { code: 1 })), 4000),
    'home does not work at the moment and is tried again in 4 s. The MCP server cannot be reached: it ended with exit code 1.',
    'home暂时不能工作，4秒后再试。无法连接MCP服务器：以退出码1结束。',
  ],
];

test.each(failures)('our own words are told in the language of the notice: %s', (error, en, zh) => {
  expect(failed(error, 'en')).toBe(`The task "cake" has failed: ${en}`);
  expect(failed(error, 'zh-CN')).toBe(`任务“cake”失败了：${zh}`);
});

test("somebody else's words pass as they are", () => {
  const mail = { taskId: 't1', tool: 'cake', outcome: 'failed', text: 'No eggs left.' } as const;
  expect(factOf(mail, 'zh-CN', 300)).toBe('任务“cake”失败了：No eggs left.');
});

test('how a run ended is told in Chinese, also after a restart', async () => {
  const bench = await TaskBench.open();
  const slow = heldTool('slow', { timeoutMs: 1000 });
  const broken = tool('broken', () => Promise.reject(new TypeError('x is not a function')));
  const picture = tool('photo', async () => ({ kind: 'image', base64: 'AAAA', mimeType: 'image/png' }));
  const odd = tool('odd', async () => mountedOutput({ content: [], isError: false }));
  const plain = tool('plain', async () => text('晴天'));
  const handles = await Promise.all(
    [slow.tool, broken, picture, odd, plain].map((each) => bench.tasks.accept(each, {}, origin)),
  );
  for (const handle of handles) handle.detach();
  bench.clock.advance(1000);
  await Promise.all(handles.map(({ result }) => result));
  const told: string[] = [];
  const { tasks } = await TaskBench.open(bench.directory, {}, undefined, {
    nowMs: bench.nowMs,
    onMail: (mail) => told.push(factOf(mail, 'zh-CN', 300)),
  });
  await tasks.resume(() => undefined);
  expect(told).toEqual([
    '任务“slow”失败了：1秒内没有完成，已被停止。',
    '任务“broken”失败了：程序内部出错。',
    '任务“photo”已完成：一张图片（image/png，3字节）。',
    '任务“odd”已完成：工具没有返回内容。',
    '任务“plain”已完成：晴天。',
  ]);
});

test('secrets in the words of an error are hidden as in its message', () => {
  const error = failure.unreachable(new Error('geheim is wrong'));
  expect(inWords(error.words ?? words('fault'), 'zh-CN')).toBe('无法连接：•••• is wrong');
});
