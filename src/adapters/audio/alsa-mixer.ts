import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './find-program.ts';
import type { SoundSurroundings } from './sound-hardware.ts';

const TIMEOUT_MS = 2000;
const MAX_CARDS = 8;
/** What is meant for the whole card; others (`Mic Boost`, `IEC958`) are off on healthy machines, too. */
const MAIN_CONTROLS = /^(?:Mic|Capture|Internal Mic|Master|PCM|Headphone|Speaker|HDMI|Headset|Digital)$/;

/**
 * Main controls of ALSA's cards that are switched off or turned down to nothing, each as a sentence with what to do. None
 * where there is no `amixer` to ask. Never rejects.
 */
export async function findMutedCards(
  { PATH }: SoundSurroundings['env'],
  alsaDirectory = '/proc/asound',
): Promise<string[]> {
  const amixer = findProgram('amixer', PATH);
  if (amixer === undefined) return [];
  const cards = cardIds(alsaDirectory).slice(0, MAX_CARDS);
  const found = await Promise.all(
    cards.map(async (card) => mutedControls(await askMixer(amixer, card), card)),
  );
  return found.flat();
}

/** Reads `amixer scontents`. */
export function mutedControls(text: string, card: string): string[] {
  return text
    .split(/^Simple mixer control /m)
    .slice(1)
    .flatMap((block) => {
      const name = /^'([^']*)'/.exec(block)?.[1] ?? '';
      if (!MAIN_CONTROLS.test(name)) return [];
      const levels = [...block.matchAll(/\[(\d+)%\]/g)].map(([, percent]) => Number(percent));
      const switches = [...block.matchAll(/\[(on|off)\]/g)].map(([, position]) => position);
      const off = switches.length > 0 && switches.every((position) => position === 'off');
      const down = levels.length > 0 && levels.every((percent) => percent === 0);
      if (!off && !down) return [];
      return [
        `"${name}" of card ${card} is ${off ? 'off' : 'at 0 %'}: run "amixer -c ${card} set '${name}' 80% ${off ? 'on' : ''}`
          .trimEnd()
          .concat('".'),
      ];
    });
}

function askMixer(amixer: string, card: string): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, env: { LC_ALL: 'C' } };
    execFile(amixer, ['-c', card, 'scontents'], options, (error, stdout) => resolve(error ? '' : stdout));
  });
}

function cardIds(alsaDirectory: string): string[] {
  try {
    const cards = readFileSync(join(alsaDirectory, 'cards'), 'utf8');
    return [...cards.matchAll(/^\s*\d+ \[(\S+)\s*\]/gm)].flatMap(([, id]) => id ?? []);
  } catch {
    return [];
  }
}
