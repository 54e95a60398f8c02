import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The recording that comes with the program, undefined when it was left out. One level up from dist/, two from src/cli/. */
export function bundledRecordingPath(): string | undefined {
  return ['../config/demo-speech.wav', '../../config/demo-speech.wav']
    .map((relative) => fileURLToPath(new URL(relative, import.meta.url)))
    .find((path) => existsSync(path));
}
