import type { HttpAuth, Secret } from '../../ports/tool-definition.ts';

/** How requests show who sends them. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** What must not come back to us in an error page that quotes the request. */
  readonly secrets: readonly string[];
  /** The variable of the environment that was to hold the secret and does not. */
  readonly missing?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Without `auth`, user name and password of the URL are used. */
export function credentialsOf(auth: HttpAuth | undefined, url: string, env: Environment): Credentials {
  switch (auth?.type) {
    case 'bearer':
      return withSecret(auth.token, env, (token) => ({ headers: { authorization: `Bearer ${token}` } }));
    case 'basic':
      return withSecret(auth.password, env, (password) => basic(auth.username, password));
    case 'header':
      return withSecret(auth.value, env, (value) => ({ headers: { [auth.name.toLowerCase()]: value } }));
    case 'query':
      return withSecret(auth.value, env, (value) => ({ query: { [auth.name]: value } }));
    case undefined: {
      const { username, password } = new URL(url);
      if (username === '') return { headers: {}, query: {}, secrets: [password] };
      return withSecret(decodeURIComponent(password), env, (plain) =>
        basic(decodeURIComponent(username), plain),
      );
    }
  }
}

type Carried = Partial<Pick<Credentials, 'headers' | 'query'>>;

function withSecret(secret: Secret, env: Environment, carry: (value: string) => Carried): Credentials {
  const value = typeof secret === 'string' ? secret : env[secret.env];
  if (typeof secret !== 'string' && !value)
    return { headers: {}, query: {}, secrets: [], missing: secret.env };
  const { headers = {}, query = {} } = carry(value ?? '');
  const carried = Object.values(headers).map((text) => text.replace(/^(Bearer|Basic) /, ''));
  return { headers, query, secrets: [value ?? '', ...carried] };
}

function basic(username: string, password: string): Carried {
  const encoded = Buffer.from(`${username}:${password}`).toString('base64');
  return { headers: { authorization: `Basic ${encoded}` } };
}
