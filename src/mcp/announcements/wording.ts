import { printableText } from '../../core/printable-text.ts';
import { inWords } from '../../core/words.ts';
import type { TaskMail } from './mail.ts';
import type { AnnouncementLanguage } from './settings.ts';

interface Wording {
  readonly done: (tool: string, text: string) => string;
  readonly doneEmpty: (tool: string) => string;
  readonly failed: (tool: string, text: string) => string;
  readonly interrupted: (tool: string) => string;
  readonly reminder: (text: string) => string;
  /** The person may have heard the fact already. */
  readonly perhapsAgain: (fact: string) => string;
  readonly andMore: (count: number) => string;
  /** For a model: what the facts are and that it should speak. */
  readonly request: (facts: string) => string;
  readonly cue: (taskIds: string) => string;
  /** The same for what may have been told already. */
  readonly cueAgain: (taskIds: string) => string;
  /** Ends a sentence whose result did not. */
  readonly stop: string;
  readonly joint: string;
}

// Begins with a bracket so that no server takes it for a wake word, a farewell or a command.
const wordings: Readonly<Record<AnnouncementLanguage, Wording>> = {
  en: {
    done: (tool, text) => `The task "${tool}" has finished: ${text}`,
    doneEmpty: (tool) => `The task "${tool}" has finished.`,
    failed: (tool, text) => `The task "${tool}" has failed: ${text}`,
    interrupted: (tool) =>
      `The task "${tool}" was interrupted because the device restarted; it did not finish.`,
    reminder: (text) => `Reminder: ${text}`,
    perhapsAgain: (fact) => `I may have told you already: ${fact}`,
    andMore: (count) => `Results still waiting: ${count}.`,
    request: (facts) => `[Notice of the device] ${facts} Tell me this now, briefly, in your own words.`,
    cue: (taskIds) => `[Notice] Read ${taskIds} with self.tasks.read and tell me.`,
    cueAgain: (taskIds) =>
      `[Notice] Read ${taskIds} with self.tasks.read, say "I may have told you already" and tell me.`,
    stop: '.',
    joint: ' ',
  },
  'zh-CN': {
    done: (tool, text) => `任务“${tool}”已完成：${text}`,
    doneEmpty: (tool) => `任务“${tool}”已完成。`,
    failed: (tool, text) => `任务“${tool}”失败了：${text}`,
    interrupted: (tool) => `任务“${tool}”因设备重启而中断，没有完成。`,
    reminder: (text) => `提醒：${text}`,
    perhapsAgain: (fact) => `我可能已经告诉过你了：${fact}`,
    andMore: (count) => `另外还有${count}个结果。`,
    request: (facts) => `【设备通知】${facts}请现在用简短的口语告诉我。`,
    cue: (taskIds) => `【通知】请用self.tasks.read读取${taskIds}并告诉我。`,
    cueAgain: (taskIds) =>
      `【通知】请用self.tasks.read读取${taskIds}，先说“我可能已经告诉过你了”，再告诉我。`,
    stop: '。',
    joint: '',
  },
};

const maxToolNameCharacters = 64;

/** What happened, as a person would be told. The result is cut to `maxCharacters`. */
export function factOf(mail: TaskMail, language: AnnouncementLanguage, maxCharacters: number): string {
  const words = mailFact(mail, language, maxCharacters);
  const { stop, perhapsAgain } = wordings[language];
  const fact = /(?![)）\]】])\p{P}$/u.test(words) ? words : `${words}${stop}`;
  return mail.maybeTold ? perhapsAgain(fact) : fact;
}

/** Several facts, and how many are left for the next time. */
export function joinFacts(facts: readonly string[], left: number, language: AnnouncementLanguage): string {
  const { joint, andMore } = wordings[language];
  return [...facts, ...(left > 0 ? [andMore(left)] : [])].join(joint);
}

/** The facts as words to a model. */
export function requestToSpeak(facts: string, language: AnnouncementLanguage): string {
  return wordings[language].request(facts);
}

/** As many tasks as fit the limit, at least one, and either all or none of them perhaps told already; see `detect-cue`. */
export function cueToRead(
  mails: readonly TaskMail[],
  language: AnnouncementLanguage,
  maxCharacters: number,
): { readonly text: string; readonly taskIds: readonly string[] } {
  const again = mails[0]?.maybeTold === true;
  const { cue: first, cueAgain } = wordings[language];
  const cue = again ? cueAgain : first;
  const taskIds = mails.filter(({ maybeTold = false }) => maybeTold === again).map(({ taskId }) => taskId);
  let count = Math.min(taskIds.length, 3);
  while (count > 1 && cue(taskIds.slice(0, count).join(', ')).length > maxCharacters) count -= 1;
  const told = taskIds.slice(0, count);
  return { text: cue(told.join(', ')), taskIds: told };
}

function mailFact(mail: TaskMail, language: AnnouncementLanguage, maxCharacters: number): string {
  const wording = wordings[language];
  const tool = toolName(mail);
  if (mail.outcome === 'interrupted') return wording.interrupted(tool);
  const text = printableText(mail.words ? inWords(mail.words, language) : mail.text, maxCharacters);
  if (mail.outcome === 'failed') return wording.failed(tool, text);
  if (text === '') return wording.doneEmpty(tool);
  // What a built-in tool has to say later is a reminder; its name means nothing to a person.
  return mail.tool.startsWith('self.') ? wording.reminder(text) : wording.done(tool, text);
}

function toolName({ tool }: TaskMail): string {
  return printableText(tool, maxToolNameCharacters);
}
