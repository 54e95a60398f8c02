import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/server/validators/cf-worker';

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

const validator = new CfWorkerJsonSchemaValidator();

/** What a served document says about one exchange: undefined when it allows it, else what is wrong. */
export function faultOf(
  document: OpenApiDocument,
  exchange: {
    readonly method: string;
    readonly path: string;
    readonly status: number;
    readonly request?: unknown;
    readonly answer: unknown;
  },
): string | undefined {
  const template = Object.keys(document.paths).find((one) =>
    new RegExp(`^${one.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(exchange.path),
  );
  const operation = template && document.paths[template]?.[exchange.method.toLowerCase()];
  if (!operation) return `${exchange.method} ${exchange.path} is not in the document`;
  const response = operation.responses[exchange.status] ?? operation.responses.default;
  if (!response) return `${exchange.status} is not in the document`;
  const check = (schema: object | undefined, value: unknown) => {
    if (!schema) return 'no schema';
    const result = validator.getValidator({ ...schema, components: document.components } as never)(value);
    return result.valid ? undefined : result.errorMessage;
  };
  const asked = operation.requestBody?.content['application/json']?.schema;
  const badRequest = exchange.status === 200 && asked ? check(asked, exchange.request) : undefined;
  return badRequest ?? check(response.content?.['application/json']?.schema, exchange.answer);
}
