import { isIP, type NetConnectOpts, type Socket, connect as tcpConnect } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';

/** As much as Node itself takes from a socket at once. */
const readBytes = 65_536;

/**
 * The connection that `ws` would make, except that all reads go into one buffer. Node otherwise allocates 64 KiB for every
 * packet of 200 bytes and passes it through a readable stream with a queue of its own: 4 % of the CPU cycles of a
 * conversation. What has come is copied before it is passed on, so it may be kept.
 * @throws TypeError when the URL is none
 */
export function connectLean(url: string): (options: NetConnectOpts & ConnectionOptions) => Socket {
  // Read as `ws` reads it: what it believes to be TLS must be. It takes the schemes of HTTP, too.
  const isSecure = ['wss:', 'https:'].includes(new URL(url).protocol);
  return (options) => {
    const onread = {
      buffer: new Uint8Array(readBytes),
      callback: (length: number, bytes: Uint8Array): boolean => {
        socket.emit('data', Buffer.from(bytes.subarray(0, length)));
        return true;
      },
    };
    const target = { ...options, path: undefined, onread };
    const socket: Socket = isSecure
      ? tlsConnect({ ...target, servername: serverName(options) } as ConnectionOptions)
      : tcpConnect(target as NetConnectOpts);
    return socket;
  };
}

/** Who the certificate must be for; an address is not sent as a name (RFC 6066 section 3). */
function serverName({ servername, host }: ConnectionOptions): string {
  if (servername !== undefined) return servername;
  return host === undefined || isIP(host) !== 0 ? '' : host;
}
