const inherited =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|XDG_RUNTIME_DIR|DISPLAY|WAYLAND_DISPLAY|DBUS_SESSION_BUS_ADDRESS|PULSE_SERVER|ALSA_CARD)$/;

/**
 * What a tool's program finds in its environment: who and where the user is, how to reach the session's screen and sound,
 * and what the configuration adds. Not the rest: the device's environment holds secrets of its own.
 */
export function childEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  configured: Readonly<Record<string, string>>,
): Record<string, string> {
  const child: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && inherited.test(name)) child[name] = value;
  return { ...child, ...configured };
}
