import type { MessageFormatFunc } from 'pino-pretty';
import { printableText } from '../../core/printable-text.ts';
import type { SafeValue } from './safe-fields.ts';

const maxValueCharacters = 300;

/** `12:01:02 info  device  listening  cause=talk.toggled`, in local time; a stack follows on lines of its own. */
export const prettyLine: MessageFormatFunc = (entry, _messageKey, _levelLabel, { colors }) => {
  const level = String(entry.level);
  const fields = (entry.fields ?? {}) as { readonly [key: string]: SafeValue };
  const parts = [
    colors.dim(localTime(String(entry.time))),
    colors[levelColor(level)](level.padEnd(5)),
    ...(entry.scope === undefined ? [] : [colors.bold(String(entry.scope).padEnd(10))]),
    printableText(String(entry.msg ?? ''), maxValueCharacters),
  ];
  const shown = Object.entries(fields).map(
    ([key, value]) => colors.dim(`${clean(key)}=`) + prettyValue(value),
  );
  const tail = shown.length === 0 ? '' : `  ${shown.join(' ')}`;
  return parts.join(' ') + tail + stacksOf(fields);
};

function levelColor(level: string): 'red' | 'yellow' | 'green' | 'dim' {
  if (level === 'error') return 'red';
  if (level === 'warn') return 'yellow';
  return level === 'info' ? 'green' : 'dim';
}

function localTime(isoTime: string): string {
  const time = new Date(isoTime);
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':');
}

function prettyValue(value: SafeValue): string {
  if (typeof value === 'string')
    return /^[^\s"=]+$/.test(value) ? clean(value) : JSON.stringify(clean(value));
  const error = asError(value);
  if (error === undefined) return clean(JSON.stringify(value));
  const { code, message, causes = [] } = error;
  const first = code === undefined ? message : `${message} (${code})`;
  return clean([first, ...causes].map((line) => clean(line)).join(' <- '));
}

interface ErrorFields {
  readonly code?: string;
  readonly message: string;
  readonly causes?: readonly string[];
  readonly stack?: string;
}

/** Errors arrive here as what safe-fields makes of them. */
function asError(value: SafeValue): ErrorFields | undefined {
  if (typeof value !== 'object' || value === null || !('message' in value)) return undefined;
  const isError = typeof value.message === 'string' && ('stack' in value || 'retryable' in value);
  return isError ? (value as unknown as ErrorFields) : undefined;
}

function stacksOf(fields: { readonly [key: string]: SafeValue }): string {
  return Object.values(fields)
    .flatMap((value) => asError(value)?.stack?.split('\n').slice(1) ?? [])
    .map((line) => `\n    ${clean(line)}`)
    .join('');
}

function clean(text: string): string {
  return printableText(text, maxValueCharacters);
}
