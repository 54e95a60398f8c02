import { stringifyExact } from '../../core/exact-json.ts';
import { words } from '../../core/words.ts';
import type { ToolArguments } from '../../mcp/tool.ts';
import type { HttpTarget } from '../../ports/tool-definition.ts';
import { bodyHeaders, type HttpRequest } from './http-client.ts';
import { argumentText, fillUrl, queryOf } from './template.ts';
import { fillJson, fillText, namesIn } from './text-template.ts';
import type { FailureMaker } from './tool-failure.ts';

/** The request of one call, without what is the same for all. Throws the tool's failure when an argument is not fit for it. */
export function requestFor(target: HttpTarget, args: ToolArguments, failure: FailureMaker): HttpRequest {
  const filled = fillUrl(target.url, args);
  if ('fault' in filled) {
    const { name } = filled;
    throw failure.failed(
      filled.fault === 'missing' ? words('valueNeeded', { name }) : words('leadsElsewhere', { name }),
    );
  }
  const url = new URL(filled.url);
  const { method, query = {} } = target;
  const used = new Set([...filled.used, ...Object.values(query).flatMap(namesIn)]);
  for (const [key, value] of filledQuery(query, args)) url.searchParams.append(key, value);
  if (method === 'GET' || method === 'DELETE') {
    if (target.query === undefined)
      for (const [key, value] of queryOf(args, used)) url.searchParams.append(key, value);
    return { url, method, headers: {} };
  }
  const { type, body } = bodyOf(target, args, used);
  return { url, method, body, headers: bodyHeaders(type, body) };
}

/** An entry whose only content is an argument that was not given is left out. */
function* filledQuery(
  query: Readonly<Record<string, string>>,
  args: ToolArguments,
): Generator<[string, string]> {
  for (const [key, template] of Object.entries(query)) {
    const value = fillText(template, (name) => argumentText(args, name));
    if (value !== '' || template === '') yield [key, value];
  }
}

function bodyOf({ body, bodyTemplate }: HttpTarget, args: ToolArguments, used: ReadonlySet<string>) {
  if (bodyTemplate?.kind === 'json')
    return { type: 'application/json', body: fillJson(bodyTemplate.template, args) };
  if (bodyTemplate?.kind === 'text') {
    const text = fillText(bodyTemplate.template, (name) => argumentText(args, name));
    return { type: 'text/plain; charset=utf-8', body: text };
  }
  if (body === 'form')
    return { type: 'application/x-www-form-urlencoded', body: queryOf(args, used).toString() };
  const rest = Object.entries(args).filter(([key]) => !used.has(key));
  return { type: 'application/json', body: stringifyExact(Object.fromEntries(rest)) ?? '' };
}
