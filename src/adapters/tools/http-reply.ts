import { stringifyExact, withDoubles } from '../../core/exact-json.ts';
import { foreignWords, words } from '../../core/words.ts';
import type { ToolOutput } from '../../mcp/tool.ts';
import type { HttpTarget } from '../../ports/tool-definition.ts';
import type { HttpReply } from './http-exchange.ts';
import { fillText } from './text-template.ts';
import type { FailureMaker } from './tool-failure.ts';
import { outputOf, outputOfValue, textOf } from './tool-output.ts';

/** What a server's answer means to the tool. Throws the tool's failure. */
export function outputOfReply(
  reply: HttpReply,
  target: HttpTarget,
  url: URL,
  failure: FailureMaker,
): ToolOutput {
  const { status, headers, body } = reply;
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';');
  const charset = /charset="?([^"]+)/.exec(parameters.join(';'))?.[1]?.trim();
  const text = textOf(body, { encoding: charset });
  if (status >= 300 && status < 400) {
    const address = redirectTarget(headers.location, url);
    throw failure.failed(
      words('redirected', {
        address: address === undefined ? words('unknownAddress') : failure.quoted(address),
      }),
    );
  }
  if (status >= 400) {
    const said = type.includes('html') ? '' : failure.quoted(complaintIn(text ?? '', target) ?? text ?? '');
    const what = words('answeredStatus', { status });
    throw failure.failed(said === '' ? what : words('because', { what, text: said }));
  }
  const mapped = target.resultPath !== undefined || target.resultTemplate !== undefined;
  if (type.startsWith('image/') && type !== 'image/svg+xml' && !mapped)
    return { kind: 'image', base64: body.toString('base64'), mimeType: type.trim() };
  if (text === undefined) throw failure.badOutput(words('serverSentBinary'));
  refuseFailure(text, target, failure);
  return mapped ? mappedOutput(text, target, failure) : outputOf(text);
}

/** Without query, which may hold secrets. */
function redirectTarget(location: string | undefined, from: URL): string | undefined {
  if (location === undefined || !URL.canParse(location, from.href)) return undefined;
  const { origin, pathname } = new URL(location, from);
  return `${origin}${pathname}`;
}

/** What a JSON answer says at `errorPath`. */
function complaintIn(text: string, { errorPath }: HttpTarget): string | undefined {
  if (errorPath === undefined) return undefined;
  const output = outputOf(text);
  const value = output.kind === 'json' ? valueAt(output.value, errorPath) : undefined;
  return withDoubles(value) ? shown(value) : undefined;
}

/** Many servers answer "200 OK" and say in the body that it was not. */
function refuseFailure(text: string, target: HttpTarget, failure: FailureMaker): void {
  const { successPath, errorPath } = target;
  if (successPath === undefined && errorPath === undefined) return;
  const output = outputOf(text);
  if (output.kind !== 'json') throw failure.badOutput(words('serverNotJson'));
  const complaint = complaintIn(text, target);
  const failed =
    successPath === undefined ? complaint !== undefined : !withDoubles(valueAt(output.value, successPath));
  if (failed)
    throw failure.failed(
      complaint === undefined ? words('serverFailed') : foreignWords(failure.quoted(complaint)),
    );
}

function mappedOutput(text: string, target: HttpTarget, failure: FailureMaker): ToolOutput {
  const output = outputOf(text);
  if (output.kind !== 'json') throw failure.badOutput(words('serverNotJson'));
  const { resultPath, resultTemplate } = target;
  const value = resultPath === undefined ? output.value : valueAt(output.value, resultPath);
  if (value === undefined) throw failure.badOutput(words('nothingAtPath', { path: resultPath ?? '' }));
  if (resultTemplate === undefined) return outputOfValue(value);
  return { kind: 'text', text: fillText(resultTemplate, (path) => shown(valueAt(value, path))) };
}

/** `items.0.title`; undefined when there is nothing. */
function valueAt(value: unknown, path: string): unknown {
  let at = value;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

function shown(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : stringifyExact(value);
}
