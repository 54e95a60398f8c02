import { describe, expect, it } from 'vitest';
import { parseTextCommand, phrases, taskText } from '../../src/demo-server/text-command.ts';
import { cueToRead, requestToSpeak } from '../../src/mcp/announcements/wording.ts';

describe('a text', () => {
  it('with "call" names a tool and its arguments, which may be left out', () => {
    expect([parseTextCommand('call tea'), parseTextCommand(' CALL dice {"sides": 20} ')]).toEqual([
      { type: 'call', tool: 'tea', args: {} },
      { type: 'call', tool: 'dice', args: { sides: 20 } },
    ]);
    expect([parseTextCommand('call dice [1]').type, parseTextCommand('call dice {').type]).toEqual([
      'unclear',
      'unclear',
    ]);
  });

  it('that the device sends to have something told is told without the words around it', () => {
    const facts = { en: 'The task "tea" has finished: Tea [hot].', 'zh-CN': '任务“茶”已完成：好了。' };
    for (const language of ['en', 'zh-CN'] as const)
      expect(parseTextCommand(requestToSpeak(facts[language], language))).toEqual({
        type: 'notice',
        facts: facts[language],
      });
  });

  it('that lost its last mark on the way is understood as well', () => {
    for (const language of ['en', 'zh-CN'] as const)
      expect(parseTextCommand(requestToSpeak('Tea.', language).slice(0, -1))).toEqual({
        type: 'notice',
        facts: 'Tea.',
      });
  });

  it('that wants something said before the results says what', () => {
    expect([
      parseTextCommand('[Notice] Read t1, t2 with self.tasks.read, say "Perhaps you know" and tell me'),
      parseTextCommand('【通知】请用self.tasks.read读取t1, t2，先说“也许你知道”，再告诉我。'),
    ]).toEqual([
      { type: 'cue', taskIds: ['t1', 't2'], preface: 'Perhaps you know' },
      { type: 'cue', taskIds: ['t1', 't2'], preface: '也许你知道' },
    ]);
  });

  it('that only says which results wait names them', () => {
    const mails = ['t1', 't22'].map(
      (taskId) => ({ taskId, tool: 'tea', outcome: 'done', text: '' }) as const,
    );
    for (const language of ['en', 'zh-CN'] as const)
      expect(parseTextCommand(cueToRead(mails, language, 80).text)).toEqual({
        type: 'cue',
        taskIds: ['t1', 't22'],
      });
  });
});

describe('the answer of a tool', () => {
  it('that goes on in the background is said as a person would', () => {
    expect(phrases.toolAnswered('{"status":"started","task_id":"t1"}')).toBe(
      'Started as task t1. I will tell you when it is done.',
    );
    expect(phrases.toolAnswered('{"status":"running","task_id":"t2"}')).toBe(
      'Task t2 is still running. I will tell you when it is done.',
    );
  });

  it('is read out as it is otherwise', () => {
    const answers = ['21', '{"thrown":[4]}', '{"status":"off"}', '{', 'null'];
    expect(answers.map(phrases.toolAnswered)).toEqual(answers);
  });

  it('that failed names the tool once', () => {
    expect([
      phrases.toolFailed('alarm', 'no answer within 30 s'),
      phrases.toolFailed('b', 'Unknown tool: b'),
    ]).toEqual(['The tool alarm failed: no answer within 30 s', 'Unknown tool: b']);
  });

  it('that reads a result is the result', () => {
    expect(['{"task_id":"t1","state":"done","text":"Tea."}', 'Unknown task'].map(taskText)).toEqual([
      'Tea.',
      'Unknown task',
    ]);
  });
});
