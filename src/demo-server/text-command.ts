import { z } from 'zod';
import { languageOf } from './answer-speech.ts';
import type { DeviceTool } from './mcp-session.ts';

/** What a text turn asks for. */
export type TextCommand =
  | { readonly type: 'echo'; readonly text: string }
  | { readonly type: 'help' }
  | { readonly type: 'tools' }
  | { readonly type: 'call'; readonly tool: string; readonly args: Readonly<Record<string, unknown>> }
  | { readonly type: 'unclear'; readonly hint: string };

const callPattern = /^call\s+(\S+)\s*(.*)$/isu;
const toolArguments = z.record(z.string(), z.unknown());

/** `help`, `tools`, `call NAME {json}`; everything else is to be echoed. */
export function parseTextCommand(text: string): TextCommand {
  const trimmed = text.trim();
  if (/^help$/iu.test(trimmed)) return { type: 'help' };
  if (/^tools$/iu.test(trimmed)) return { type: 'tools' };
  const [, tool, json] = callPattern.exec(trimmed) ?? [];
  if (tool === undefined) return { type: 'echo', text };
  const args = parseArguments(json ?? '');
  return args
    ? { type: 'call', tool, args }
    : {
        type: 'unclear',
        hint: 'The arguments must be a JSON object, for example: call self.audio_speaker.set_volume {"volume": 50}',
      };
}

function parseArguments(json: string): Readonly<Record<string, unknown>> | undefined {
  if (json === '') return {};
  try {
    return toolArguments.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
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
  toolFailed: (tool: string, reason: string): string => `The tool ${tool} failed: ${reason}`,
} as const;
