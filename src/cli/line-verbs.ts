import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { messageOf } from '../core/errors.ts';
import type { VerbControl } from '../ports/verbs.ts';
import { readVerb, stateLine } from './verb-words.ts';

export interface LineVerbsParts {
  readonly input: Readable;
  /** Undefined while the device starts anew: the line is refused in words. */
  readonly verbs: () => VerbControl | undefined;
  /** One line: the state after a verb, or what is wrong with it. */
  readonly answer: (line: string) => void;
  readonly quit: () => void;
}

/** What is longer is no verb. */
const maxLineCharacters = 16_384;
/** Complaints in a row; a stream that is no text would fill the log. */
const maxFaults = 5;
/** Lines that wait for the one before; more than that is no person, and the rest is not read before. */
const maxWaiting = 100;

/**
 * Verbs as lines on a standard input that is no terminal, one after the other, each answered. A stream that ends changes
 * nothing: a service has none. Returns what ends the reading.
 */
export function readLineVerbs({ input, verbs, answer, quit }: LineVerbsParts): () => void {
  const decoder = new StringDecoder('utf8');
  let line = '';
  let tooLong = false;
  let faults = 0;
  let waiting = 0;
  let work = Promise.resolve();

  const refuse = (fault: string) => {
    faults += 1;
    if (faults <= maxFaults) answer(fault);
    if (faults === maxFaults) answer('Further lines that are no verbs are not complained of.');
  };
  const obey = async (text: string): Promise<void> => {
    const verb = readVerb(text);
    if (verb === 'quit') return quit();
    if ('fault' in verb) return refuse(verb.fault);
    faults = 0;
    const control = verbs();
    if (!control) return answer('The device is starting; say it again in a moment.');
    try {
      answer(stateLine(await control.perform(verb)));
    } catch (thrown) {
      answer(messageOf(thrown));
    }
  };
  const take = (text: string) => {
    if (text.trim() === '') return;
    waiting += 1;
    if (waiting >= maxWaiting) input.pause();
    work = work
      .then(() => obey(text))
      .finally(() => {
        waiting -= 1;
        if (waiting === 0) input.resume();
      });
  };
  const onData = (bytes: Buffer) => {
    const pieces = decoder.write(bytes).split(/\r?\n/);
    for (const [at, piece] of pieces.entries()) {
      if (at > 0) {
        if (tooLong) refuse('This line is too long to be a verb.');
        else take(line);
        line = '';
        tooLong = false;
      }
      tooLong ||= line.length + piece.length > maxLineCharacters;
      line = tooLong ? '' : line + piece;
    }
  };
  const onEnd = () => {
    if (line !== '' && !tooLong) take(line);
    line = '';
  };
  // A standard input that cannot be read (closed by whoever started us) is none.
  const onError = () => {};
  input.on('data', onData).on('end', onEnd).on('error', onError);
  return () => {
    input.off('data', onData).off('end', onEnd);
    input.destroy();
  };
}
