import { z } from 'zod';

/** What the Python server makes of a text (servers.md 1.4). */
export type HeardText =
  | { readonly type: 'greeting' }
  | { readonly type: 'exit'; readonly text: string }
  | { readonly type: 'question'; readonly text: string }
  /** It brings the connection down. */
  | { readonly type: 'fatal' }
  | { readonly type: 'nothing' };

const wakeWords = new Set(['你好小智', '你好小志', '小爱同学', '小智小智', '嘿你好呀', 'heyxiaozhi']);
const exitWords = new Set(['退出', '关闭']);
const everyMark = /[\p{P}\p{S}\s]+/gu;
/** The question mark stays. */
const marksAtTheEdges =
  /^[\s,.，。!！、\p{Extended_Pictographic}]+|[\s,.，。!！、\p{Extended_Pictographic}]+$/gu;
const taggedText = z.looseObject({ content: z.unknown() });

export const greeting = '我在这里哦！';
export const farewell = '时间过得真快，我们下次再聊吧。';
export const interrupted = '动作已取消/被打断';

export function heardText(text: string): HeardText {
  if (isWakeWord(text)) return { type: 'greeting' };
  const bare = bareWords(text);
  if (exitWords.has(bare)) return { type: 'exit', text: bare };
  const tagged = text.trimStart().startsWith('{') ? taggedText.safeParse(jsonOf(text)).data : undefined;
  if (tagged && typeof tagged.content !== 'string') return { type: 'fatal' };
  const question = String(tagged?.content ?? text).replace(marksAtTheEdges, '');
  return question === '' ? { type: 'nothing' } : { type: 'question', text: question };
}

/** Whatever its punctuation. */
export function isWakeWord(text: string): boolean {
  return wakeWords.has(bareWords(text));
}

const bareWords = (text: string): string => text.replace(everyMark, '').toLowerCase();

/** As the name of a tool appears to the model. */
export function sanitised(tool: string): string {
  return tool.replace(/[^\w\-\u4e00-\u9fff]/gu, '_');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
