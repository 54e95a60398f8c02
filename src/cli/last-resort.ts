import { closeSync, openSync } from 'node:fs';
import { ErrorCode, messageOf } from '../core/errors.ts';
import { keepForLoading, type LoadingReserve } from '../core/lazy-part.ts';
import { printableText } from '../core/printable-text.ts';
import { ExitCode } from './context.ts';

/** How long everything may take to close before the process ends anyway. */
const closeLimitMs = 3000;
const maxMessageCharacters = 300;
/** As many files as one part of the program is made of. */
const reservedDescriptors = 16;

export interface LastResort {
  /** A fault that nobody caught has happened; the process is on its way out. */
  readonly hasStruck: boolean;
}

/**
 * For a fault that nobody caught: said in one sentence, then everything is closed as for SIGTERM, sound devices too, and the
 * process ends with 1, so that whoever supervises it starts it anew. A second fault meanwhile changes nothing.
 */
export function installLastResort(stderr: NodeJS.WritableStream, stop: () => void): LastResort {
  let hasStruck = false;
  const strike = (thrown: unknown) => {
    if (hasStruck) return;
    hasStruck = true;
    process.exitCode = ExitCode.failed;
    const message = printableText(messageOf(thrown), maxMessageCharacters).replace(/\.$/, '');
    stderr.write(
      `This should not have happened: ${message}${placeOf(thrown)}. Everything is closed and the program ends; start it again. [${ErrorCode.internal}]\n`,
    );
    setTimeout(() => process.exit(ExitCode.failed), closeLimitMs).unref();
    stop();
  };
  process.on('uncaughtException', strike);
  process.on('unhandledRejection', strike);
  keepForLoading(descriptorReserve());
  return {
    get hasStruck() {
      return hasStruck;
    },
  };
}

/** Where it was thrown, for a report. */
function placeOf(thrown: unknown): string {
  const [, place] = /^ {4}at (.*)$/m.exec((thrown as Error | undefined)?.stack ?? '') ?? [];
  return place === undefined ? '' : ` (at ${printableText(place.replace(/file:\/\/\S*\//, ''), 120)})`;
}

function descriptorReserve(): LoadingReserve {
  const held: number[] = [];
  return {
    release() {
      for (const descriptor of held.splice(0)) closeSync(descriptor);
    },
    take() {
      try {
        while (held.length < reservedDescriptors) held.push(openSync('/dev/null', 'r'));
      } catch {
        // None left: there is nothing to keep free.
      }
    },
  };
}
