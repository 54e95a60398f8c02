import * as z from 'zod';
import { faultWords } from '../core/fault-words.ts';
import type { BodyTemplate, HttpAuth, HttpTarget, Secret, ToolTarget } from '../ports/tool-definition.ts';
import { isPlainObject } from './layers.ts';
import { headerName, headers, headerValue, httpMethod, text, timeoutMs, webUrl } from './tool-parts.ts';

const maxTemplateCharacters = 100_000;

/** `"$NAME"`, `"${NAME}"` and `"${env:NAME}"` name a variable of the environment; everything else is the secret itself. */
const secret = headerValue.min(1).transform((written): Secret => {
  const [, bare, braced] = /^\$(?:([A-Za-z_]\w*)|\{(?:env:)?([A-Za-z_]\w*)\})$/.exec(written.trim()) ?? [];
  const env = bare ?? braced;
  return env === undefined ? written.trim() : { env };
});

const webAddress = (what: string) => webUrl(/^https?:$/, what);

/** `$.items[0].title`, as other programs write it, is `items.0.title`. */
const path = text.overwrite((written) => written.replace(/^\$\.?/, '').replace(/\[(\d+)\]/g, '.$1')).min(1);

const apiKeyNames = { apiKeyHeader: headerName.optional(), apiKeyQuery: text.optional() };
const auth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bearer'), token: secret }).transform((given): HttpAuth => given),
  z
    .strictObject({ type: z.literal('basic'), username: z.string(), password: secret })
    .transform((given): HttpAuth => given),
  z
    .strictObject({ type: z.literal(['apiKey', 'api_key']), apiKey: secret, ...apiKeyNames })
    .refine(
      ({ apiKeyHeader, apiKeyQuery }) => apiKeyHeader === undefined || apiKeyQuery === undefined,
      'must name apiKeyHeader or apiKeyQuery, not both',
    )
    .transform(
      ({ apiKey, apiKeyHeader, apiKeyQuery }): HttpAuth =>
        apiKeyQuery === undefined
          ? { type: 'header', name: apiKeyHeader ?? 'X-API-Key', value: apiKey }
          : { type: 'query', name: apiKeyQuery, value: apiKey },
    ),
]);

/**
 * A template as one text. In JSON that is no text itself, `"{{name}}"` stands for the value as it is, not for text: where
 * the quotes belong to the placeholder, they go.
 */
const bodyTemplate = z
  .union([text, z.looseObject({}), z.array(z.unknown())])
  .transform((given) =>
    typeof given === 'string'
      ? given
      : JSON.stringify(given).replace(/(?<!\\)"(\{\{[^{}"\\]+\}\})"(?!:)/g, '$1'),
  )
  .refine((template) => template.length <= maxTemplateCharacters, 'is too long')
  .transform((template, context): BodyTemplate => {
    const kind = isJsonTemplate(template) ? 'json' : 'text';
    if (kind === 'text' && /^\s*\{(?!\{)/.test(template))
      context.addIssue(
        'must be JSON in which {{name}} stands for an argument, or a text that does not begin with {',
      );
    return { kind, template };
  });

const responseMapping = z
  .strictObject({
    successPath: path.optional(),
    errorPath: path.optional(),
    dataPath: path.optional(),
    template: text.optional(),
  })
  .prefault({});

const http = z
  .strictObject({
    url: webAddress('an http:// or https://').overwrite((url) => url.replace(/\{\{\s*(\w+)\s*\}\}/g, '{$1}')),
    method: httpMethod.default('GET'),
    body: z.enum(['json', 'form']).default('json'),
    headers,
    auth: auth.optional(),
    query: z.record(text, z.union([z.string(), z.number(), z.boolean()]).transform(String)).optional(),
    bodyTemplate: bodyTemplate.optional(),
    responseMapping,
    timeout: timeoutMs.optional(),
    retryCount: z.int().min(0).max(10).default(0),
    retryDelay: z.int().min(0).max(60_000).default(1000),
  })
  .refine(
    ({ method, bodyTemplate }) => bodyTemplate === undefined || (method !== 'GET' && method !== 'DELETE'),
    { message: 'needs the method POST, PUT or PATCH', path: ['bodyTemplate'] },
  );

const httpTarget = (parsed: z.output<typeof http>): HttpTarget => ({
  type: 'http',
  url: parsed.url,
  method: parsed.method,
  body: parsed.body,
  headers: parsed.headers,
  auth: parsed.auth,
  resultPath: parsed.responseMapping.dataPath,
  query: parsed.query,
  bodyTemplate: parsed.bodyTemplate,
  successPath: parsed.responseMapping.successPath,
  errorPath: parsed.responseMapping.errorPath,
  resultTemplate: parsed.responseMapping.template,
  retry: parsed.retryCount === 0 ? undefined : { count: parsed.retryCount, delayMs: parsed.retryDelay },
});

/** Of workflows that name no token, as in files of programs that keep it elsewhere. */
const cozeToken: Secret = { env: 'COZE_TOKEN' };

/** `apiKey` and `params` are what other programs call token and parameters. */
const coze = z.strictObject({
  baseUrl: webAddress('an http:// or https://').default('https://api.coze.cn'),
  token: secret.optional(),
  apiKey: secret.optional(),
  workflowId: text,
  parameters: z.record(z.string(), z.unknown()).optional(),
  params: z.record(z.string(), z.unknown()).optional(),
  timeout: timeoutMs.optional(),
});

const custom = z.strictObject({
  module: text.refine((file) => !file.includes('\0'), 'must be the path of a JavaScript module'),
  function: text.default('default'),
  context: z.record(z.string(), z.unknown()).default({}),
  trusted: z.boolean().default(false),
  timeout: timeoutMs.optional(),
});

/** What a handler's settings amount to. */
export interface HandlerTarget {
  readonly target: ToolTarget;
  /** The time limit as other programs write it, beside the settings of the handler. */
  readonly timeoutMs: number | undefined;
}

/** How the settings of one kind of handler are read. */
export interface HandlerKind {
  /** Of its settings, in camelCase. */
  readonly keys: readonly string[];
  parse(settings: unknown): z.ZodSafeParseResult<HandlerTarget>;
}

function kind<Schema extends z.ZodObject>(
  schema: Schema,
  targetOf: (parsed: z.output<Schema>) => ToolTarget,
): HandlerKind {
  const whole = schema.transform((parsed) => ({
    target: targetOf(parsed as z.output<Schema>),
    timeoutMs: (parsed as { timeout?: number }).timeout,
  }));
  return {
    keys: Object.keys(schema.shape),
    parse: (settings) => whole.safeParse(settings, { error: faultWords }),
  };
}

/** One line per kind of handler. */
export const handlerKinds: Readonly<Record<string, HandlerKind>> = {
  http: kind(http, httpTarget),
  custom: kind(custom, ({ module, function: name, context, trusted }) => ({
    type: 'custom',
    module,
    function: name,
    context,
    runsIn: trusted ? 'device' : 'worker',
  })),
};

/** One line per service behind the handler `proxy`. */
export const proxyTargets: Readonly<Record<string, HandlerKind>> = {
  coze: kind(coze, ({ baseUrl, token, apiKey, workflowId, parameters, params }) => ({
    type: 'coze',
    baseUrl: baseUrl.replace(/\/+$/, ''),
    token: token ?? apiKey ?? cozeToken,
    workflowId,
    parameters: parameters ?? params ?? {},
  })),
};

function isJsonTemplate(template: string): boolean {
  try {
    const value: unknown = JSON.parse(template.replace(/\{\{[^{}]+\}\}/g, '0'));
    return isPlainObject(value) || Array.isArray(value);
  } catch {
    return false;
  }
}
