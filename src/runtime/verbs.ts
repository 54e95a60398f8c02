import { ClientError, ErrorCode } from '../core/errors.ts';
import { assertNever } from '../core/exhaustive.ts';
import type { Tasks } from '../mcp/tasks.ts';
import { createNoticeTool } from '../mcp/tools/notice.ts';
import type { DeviceState, Verb, VerbControl } from '../ports/verbs.ts';
import type { Device } from './device.ts';

export interface VerbParts {
  readonly device: Device;
  readonly tasks: Pick<Tasks, 'accept'>;
  /**
   * Keeps what was set for the next start. A microphone that is off must be so after a power cut, too: who asked is answered
   * when the disk knows. Neither rejects.
   */
  readonly keep: { volume(percent: number): void; microphoneMuted(muted: boolean): Promise<void> };
}

/** Verbs of the control API, of commands and of standard input, as events of the machine and settings of the device. */
export function createVerbs({ device, tasks, keep }: VerbParts): VerbControl {
  let notices = 0;

  async function speak(text: string): Promise<void> {
    notices += 1;
    // Told once each, also when somebody says the same twice.
    const args = { text, notice: `${Date.now()}-${notices}` };
    const handle = await tasks.accept(createNoticeTool(), args, { channel: 'control' });
    await handle.result;
    handle.detach();
  }

  const state = (): DeviceState => ({
    state: device.status,
    volumePercent: device.volumePercent,
    muted: device.muted,
    microphoneMuted: device.microphoneMuted,
    mode: device.chosenMode,
  });

  async function act(verb: Verb): Promise<void> {
    switch (verb.verb) {
      case 'talk':
        return device.send({ type: talkEvents[verb.action] });
      case 'interrupt':
        return device.send({ type: 'interrupt.requested' });
      case 'hangup':
        return device.send({ type: 'hangup.requested' });
      case 'say':
        if (verb.as === 'notice') return await speak(verb.text);
        return device.send({ type: 'text.submitted', text: verb.text });
      case 'volume':
        device.setVolume(verb.percent);
        return keep.volume(device.volumePercent);
      case 'mute':
        if (verb.what === 'loudspeaker') return device.setMuted(verb.muted);
        device.setMicrophoneMuted(verb.muted);
        return await keep.microphoneMuted(verb.muted);
      case 'mode':
        return device.send({ type: 'mode.chosen', mode: verb.mode });
      default:
        assertNever(verb);
    }
  }

  return {
    state,
    async perform(verb) {
      if (device.isEnding) throw deviceEnds();
      await act(verb);
      return state();
    },
  };
}

const deviceEnds = (): ClientError =>
  new ClientError(ErrorCode.notReady, 'The device is ending. Ask again when it has started anew.', {
    retryable: true,
  });

const talkEvents = { press: 'talk.pressed', release: 'talk.released', toggle: 'talk.toggled' } as const;
