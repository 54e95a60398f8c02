/** Where the official service answers OTA checks (firmware A10). */
export const OFFICIAL_OTA_URL = 'https://api.tenclass.net/xiaozhi/ota/';

/** What `server.url` means. */
export type ServerAddress =
  | { readonly kind: 'embedded' }
  | { readonly kind: 'ota'; readonly url: string }
  | { readonly kind: 'websocket'; readonly url: string }
  | {
      readonly kind: 'mqtt';
      /** `mqtt(s)://host[:port]`, without credentials. */
      readonly endpoint: string;
      readonly username: string;
      readonly password: string;
    };

/** What people may write, for messages. */
export const SERVER_ADDRESS_FORMS =
  '"embedded", "cloud", an http(s)://…/ota/ URL, a ws(s):// URL or mqtt(s)://host:port';

/** Reads `server.url`; undefined when it is none of the forms above. */
export function parseServerAddress(text: string): ServerAddress | undefined {
  if (text === 'embedded') return { kind: 'embedded' };
  if (text === 'cloud') return { kind: 'ota', url: OFFICIAL_OTA_URL };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname) return undefined;
  if (url.protocol === 'http:' || url.protocol === 'https:') return { kind: 'ota', url: text };
  if (url.protocol === 'ws:' || url.protocol === 'wss:') return { kind: 'websocket', url: text };
  if (url.protocol !== 'mqtt:' && url.protocol !== 'mqtts:') return undefined;
  return {
    kind: 'mqtt',
    endpoint: `${url.protocol}//${url.host}`,
    username: decode(url.username),
    password: decode(url.password),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
