const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /busy|device unavailable/i,
    'Another program holds it: "fuser -v /dev/snd/*" names it; close that, or choose another device.',
  ],
  [
    /permission denied|not permitted|EACCES|EPERM/i,
    'This user may not use sound cards: run "sudo adduser $USER audio", then log out and in again.',
  ],
  [
    /connection refused|connection terminated|host is down/i,
    'The sound server does not answer, or is starting anew: check it with "pactl info", and start it with "systemctl --user start pipewire-pulse", or "pulseaudio --start".',
  ],
  [
    /connection failure|access denied/i,
    'The sound server does not let this program in: check it with "pactl info" on the machine itself, logged in as the user whose server it is.',
  ],
];

/** The sound system says that its server is not there, which may be for a moment only. */
export function isServerAway(details: string): boolean {
  return /connection refused|connection terminated|host is down/i.test(details);
}

/** What to do about a device that could not be opened, judged by what the sound system said. */
export function openingAdvice(details: string): string {
  const remedy = REMEDIES.find(([words]) => words.test(details))?.[1];
  return remedy ?? 'See "xiaozhi-speaker devices" for what there is, and close programs that hold it.';
}
