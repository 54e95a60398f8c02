import { z } from 'zod';
import { languageOf } from './answer-speech.ts';
import type { DeviceTool } from './mcp-session.ts';

/** What a text turn asks for. */
export type TextCommand =
  | { readonly type: 'echo'; readonly text: string }
  | { readonly type: 'help' }
  | { readonly type: 'tools' }
  | { readonly type: 'call'; readonly tool: string; readonly args: Readonly<Record<string, unknown>> }
  | { readonly type: 'unclear'; readonly hint: string }
  /** The device wants something told; a model would put it into words of its own. */
  | { readonly type: 'notice'; readonly facts: string }
  /** The device has results to be told; a model would read them with a tool. */
  | { readonly type: 'cue'; readonly taskIds: readonly string[]; readonly preface?: string };

const callPattern = /^call\s+(\S+)\s*(.*)$/isu;
// Servers take punctuation off the ends of a text.
const noticePattern =
  /^(?:\[Notice of the device\] (.+) Tell me this now, briefly, in your own words\.?|【设备通知】(.+)请现在用简短的口语告诉我。?)$/su;
const cuePattern = /^(?:\[Notice\] Read |【通知】请用self\.tasks\.read读取)(t\d[\dt,、 ]*)/u;
/** What a model is asked to say first. */
const prefacePattern = /\bsay "([^"]+)"|先说“([^”]+)”/u;
const toolArguments = z.record(z.string(), z.unknown());

/** `help`, `tools`, `call NAME {json}`, notices of the device; everything else is to be echoed. */
export function parseTextCommand(text: string): TextCommand {
  const trimmed = text.trim();
  if (/^help$/iu.test(trimmed)) return { type: 'help' };
  if (/^tools$/iu.test(trimmed)) return { type: 'tools' };
  const [, facts, chineseFacts] = noticePattern.exec(trimmed) ?? [];
  if (facts ?? chineseFacts) return { type: 'notice', facts: facts ?? chineseFacts ?? '' };
  const [, ids] = cuePattern.exec(trimmed) ?? [];
  if (ids !== undefined) {
    const [, english, chinese] = prefacePattern.exec(trimmed) ?? [];
    const preface = english ?? chinese;
    return { type: 'cue', taskIds: ids.match(/t\d+/gu) ?? [], ...(preface && { preface }) };
  }
  const [, tool, json] = callPattern.exec(trimmed) ?? [];
  if (tool === undefined) return { type: 'echo', text };
  const args = json ? jsonAs(toolArguments, json) : {};
  return args
    ? { type: 'call', tool, args }
    : {
        type: 'unclear',
        hint: 'The arguments must be a JSON object, for example: call self.audio_speaker.set_volume {"volume": 50}',
      };
}

/** What the demo server says. */
export const phrases = {
  echo: (text: string): string => (languageOf(text) === 'zh' ? `你写的是：${text}` : `You wrote: ${text}`),
  heard: (durationMs: number): string => `(${(durationMs / 1000).toFixed(1)} s of speech)`,
  parrot: 'This is what I heard.',
  nothingHeard: 'I did not hear anything.',
  noTools: 'This device offers no tools.',
  help: 'Speak, and I repeat it. Type a sentence, and I read it out. Type "tools" to hear which tools your device offers, or "call", the name of a tool and its arguments as JSON.',
  tools: (tools: readonly DeviceTool[]): string =>
    `Your device offers ${tools.length === 1 ? 'one tool' : `${tools.length} tools`}: ${tools.map(({ name }) => name).join(', ')}.`,
  withoutTools: (reply: string): string => `(Without the device's tools) ${reply}`,
  unknownTool: (tool: string): string => `I know no tool ${tool}.`,
  toolFailed: (tool: string, reason: string): string =>
    reason.includes(tool) ? reason : `The tool ${tool} failed: ${reason}`,
  toolAnswered: (text: string): string => {
    const { status, task_id: task } = runningTask(text);
    if (status === 'started') return `Started as task ${task}. I will tell you when it is done.`;
    if (status === 'running') return `Task ${task} is still running. I will tell you when it is done.`;
    return text;
  },
} as const;

const taskStatus = z.object({ status: z.enum(['started', 'running']), task_id: z.string() });
const taskResult = z.object({ text: z.string() });

/** What the device answers for a tool that goes on in the background. */
function runningTask(text: string): Partial<z.infer<typeof taskStatus>> {
  return jsonAs(taskStatus, text) ?? {};
}

/** The result inside an answer of `self.tasks.read`; any other answer as it is. */
export function taskText(answer: string): string {
  return jsonAs(taskResult, answer)?.text ?? answer;
}

/** Undefined when the text is no JSON of this shape. */
function jsonAs<Schema extends z.ZodType>(schema: Schema, text: string): z.infer<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
