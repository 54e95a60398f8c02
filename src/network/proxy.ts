import type { Agent, AgentOptions } from 'node:http';
import { BlockList, isIP } from 'node:net';

type Env = Readonly<Record<string, string | undefined>>;
type ProxyAgentClass = new (proxy: URL, options?: AgentOptions & { readonly ca?: string[] }) => Agent;

let environment: Env = {};
let ProxyAgent: ProxyAgentClass | undefined;
/** `host:port` of servers in this very process. */
const exempt = new Set<string>();

/**
 * From now on connections go through the proxies that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
 * `NO_PROXY`, also in small letters). The package is loaded only where there is one. Resolves with what is wrong with them.
 */
export async function useProxies(env: Env): Promise<readonly string[]> {
  environment = env;
  const named = ['https_proxy', 'http_proxy', 'all_proxy'].filter((name) => variable(env, name) !== '');
  if (named.length === 0) return [];
  ProxyAgent = (await import('https-proxy-agent')).HttpsProxyAgent as unknown as ProxyAgentClass;
  return named
    .filter((name) => proxyUrl(variable(env, name)) === undefined)
    .map(
      (name) =>
        `${name.toUpperCase()} is not used: only http:// and https:// proxies are, as in http://proxy:3128.`,
    );
}

/** A server of our own is never looked for beyond this computer. */
export function exemptFromProxies(url: string): void {
  exempt.add(endpointOf(new URL(url)));
}

/** The proxy that leads to `url` (`http`, `https`, `ws` or `wss`); undefined when there is none, or none before `useProxies`. */
export function proxyFor(url: string | URL, env: Env = environment): URL | undefined {
  if (!URL.canParse(String(url))) return undefined;
  const target = new URL(url);
  const isSecure = target.protocol === 'https:' || target.protocol === 'wss:';
  const proxy = proxyUrl(
    variable(env, isSecure ? 'https_proxy' : 'http_proxy') || variable(env, 'all_proxy'),
  );
  if (!proxy || exempt.has(endpointOf(target)) || isExcluded(target, variable(env, 'no_proxy')))
    return undefined;
  return proxy;
}

/** Who carries a request to `url` by CONNECT; undefined where no proxy is in between. */
export function proxyAgent(
  url: string | URL,
  { ca, ...options }: AgentOptions & { readonly ca?: readonly string[] | undefined } = {},
): Agent | undefined {
  const proxy = proxyFor(url);
  if (!proxy || !ProxyAgent) return undefined;
  return new ProxyAgent(proxy, { ...options, ...(ca && { ca: [...ca] }) });
}

/** For messages: ` (through the proxy host:port)`, or nothing. Without credentials. */
export function viaProxy(url: string | URL): string {
  const proxy = proxyFor(url);
  return proxy ? ` (through the proxy ${proxy.host})` : '';
}

function variable(env: Env, name: string): string {
  return (env[name] ?? env[name.toUpperCase()] ?? '').trim();
}

/** `proxy:3128` is meant as `http://proxy:3128`. */
function proxyUrl(text: string): URL | undefined {
  if (text === '') return undefined;
  const written = /^[a-z][a-z\d+.-]*:\/\//iu.test(text) ? text : `http://${text}`;
  if (!URL.canParse(written)) return undefined;
  const url = new URL(written);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

function portOf({ protocol, port }: URL): string {
  return port || (protocol === 'https:' || protocol === 'wss:' ? '443' : '80');
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/gu, '').toLowerCase();
const endpointOf = (url: URL): string => `${hostOf(url)}:${portOf(url)}`;

/** Names and what is below them, addresses, ranges such as `192.168.0.0/16`, each with or without a port; `*` is all. */
function isExcluded(target: URL, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/u)
    .filter((rule) => rule !== '')
    .some((rule) => matches(rule, target));
}

function matches(rule: string, target: URL): boolean {
  if (rule === '*') return true;
  const host = hostOf(target);
  const [, withPort, port] = /^(.*?[^:]):(\d+)$/u.exec(isIP(rule) === 6 ? '' : rule) ?? [];
  if (port !== undefined && port !== portOf(target)) return false;
  const name = (withPort ?? rule).replace(/^\[|\]$/gu, '');
  if (name.includes('/')) return isInRange(host, name);
  const bare = name.replace(/^\*?\./u, '');
  return host === bare || host.endsWith(`.${bare}`);
}

function isInRange(host: string, range: string): boolean {
  const [network = '', prefix = ''] = range.split('/');
  const family = isIP(host);
  if (family === 0 || isIP(network) !== family || !/^\d{1,3}$/u.test(prefix)) return false;
  const type = family === 6 ? 'ipv6' : 'ipv4';
  if (Number(prefix) > (family === 6 ? 128 : 32)) return false;
  const ranges = new BlockList();
  ranges.addSubnet(network, Number(prefix), type);
  return ranges.check(host, type);
}
