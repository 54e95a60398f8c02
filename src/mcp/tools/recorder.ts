import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { Recorder, RecordingSource } from '../../ports/recorder.ts';
import { recordingSources } from '../../ports/recorder.ts';
import type { Tool } from '../tool.ts';
import { builtin } from './builtin.ts';

/** `self.recorder.start`, `self.recorder.stop`, `self.recorder.status`. */
export function createRecorderTools(recorder: Recorder): readonly Tool[] {
  return [startTool(recorder), stopTool(recorder), statusTool(recorder)];
}

function startTool(recorder: Recorder): Tool {
  return builtin({
    name: 'self.recorder.start',
    description:
      'Record sound to a file on the device, until stopped; only when the user asks for it. Several recordings may run at once.\n' +
      'Args:\n  `source`: microphone, or system (what the device plays).\n' +
      '  `id`: to stop it by; given if empty.',
    properties: { source: { type: 'string' }, id: { type: 'string', default: '' } },
    required: ['source'],
    // A microphone may take 5 s until it is heard.
    timeoutMs: 15_000,
    run: async ({ source, id }, { signal }) => {
      const value = await recorder.start(sourceOf(source as string), idOf(id), signal);
      return { kind: 'json', value };
    },
  });
}

function stopTool(recorder: Recorder): Tool {
  return builtin({
    name: 'self.recorder.stop',
    description: 'Stop recording.\nArgs:\n  `id`: from self.recorder.start; all if empty.',
    properties: { id: { type: 'string', default: '' } },
    maxResultBytes: 4000,
    run: async ({ id }) => ({ kind: 'json', value: await recorder.stop(idOf(id)) }),
  });
}

function statusTool(recorder: Recorder): Tool {
  return builtin({
    name: 'self.recorder.status',
    description: 'Recordings that are running, and the newest files.',
    maxResultBytes: 4000,
    run: async () => ({ kind: 'json', value: await recorder.status() }),
  });
}

function sourceOf(text: string): RecordingSource {
  const source = recordingSources.find((one) => one === text);
  if (source) return source;
  const message = `There is no source ${text.slice(0, 32)}; choose ${recordingSources.join(' or ')}.`;
  throw new ClientError(ErrorCode.toolArgumentsInvalid, message);
}

const idOf = (id: unknown): string | undefined => (id === '' ? undefined : (id as string));
