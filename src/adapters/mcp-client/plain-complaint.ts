type JsonObject = Readonly<Record<string, unknown>>;

const maxIssues = 5;

/**
 * What a server says is wrong, without the notation of its validator: many pass on what theirs found, as a list of objects (zod, ajv)
 * or with a type and a link behind each line (pydantic). A model reads what is wrong with which argument.
 */
export function plainComplaint(text: string): string {
  return withoutPydantic(withoutIssues(text)).trim();
}

/** `… [{"code":"invalid_type","path":["city"],"message":"Required"}]` → `… city: Required` */
function withoutIssues(text: string): string {
  const from = text.search(/\[\s*\{/);
  const to = text.lastIndexOf(']');
  if (from < 0 || to < from) return text;
  const issues = parsed(text.slice(from, to + 1));
  if (!Array.isArray(issues) || issues.length === 0 || !issues.every(isIssue)) return text;
  const told = issues.slice(0, maxIssues).map(issueText).join('; ');
  const more = issues.length > maxIssues ? `; and ${issues.length - maxIssues} more` : '';
  return `${text.slice(0, from)}${told}${more}${text.slice(to + 1)}`;
}

const isIssue = (value: unknown): value is JsonObject & { readonly message: string } =>
  isObject(value) &&
  typeof value.message === 'string' &&
  ('path' in value || 'instancePath' in value || 'code' in value || 'keyword' in value);

function issueText({ path, instancePath, message }: JsonObject & { readonly message: string }): string {
  const where = Array.isArray(path)
    ? path.map(String).join('.')
    : typeof instancePath === 'string'
      ? instancePath.slice(1).replaceAll('/', '.')
      : '';
  return where === '' ? message : `${where}: ${message}`;
}

function withoutPydantic(text: string): string {
  if (!/errors\.pydantic\.dev|\[type=/.test(text)) return text;
  return text
    .replace(/\s*For further information visit https:\/\/errors\.pydantic\.dev\/\S*/g, '')
    .replace(/\s*\[type=\w+, input_value=.*?, input_type=\w+\]/gs, '')
    .replace(/\n\s*/g, ' ');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
