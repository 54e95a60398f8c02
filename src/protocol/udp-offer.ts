import { z } from 'zod';
import { type ReadHello, readServerHello, type ServerHello } from './hello.ts';
import type { UdpKeys } from './udp-packet.ts';

/** A server hello over MQTT: the session, and where its audio goes (firmware D22). */
export interface UdpOffer extends UdpKeys {
  readonly hello: ServerHello;
  readonly host: string;
  readonly port: number;
  /** The nonce is a connection's number and zeros: the gateway that understands `udp_timeout` makes it so (servers.md 3.4). */
  readonly isCountedBySession: boolean;
}

const sixteenBytes = z
  .string()
  .trim()
  .regex(/^[0-9a-fA-F]{32}$/u)
  .transform((text) => Uint8Array.from(Buffer.from(text, 'hex')));

const udpPlace = z.looseObject({
  server: z.string().trim().min(1).max(253),
  // Some servers write their numbers as text.
  port: z
    .union([z.number(), z.string().trim().regex(/^\d+$/u).transform(Number)])
    .refine((port) => Number.isInteger(port) && port >= 1 && port <= 65_535),
  key: sixteenBytes,
  nonce: sixteenBytes,
});

const wanted: Readonly<Record<string, string>> = {
  server: 'a name or an address',
  port: 'a port',
  key: '32 hexadecimal digits',
  nonce: '32 hexadecimal digits',
};

/** Reads a server hello that must say where its audio goes. `encryption` is not read. */
export function readUdpOffer(json: Readonly<Record<string, unknown>>): ReadHello<UdpOffer> {
  const read = readServerHello(json, 'udp');
  if (!read.ok) return read;
  const parsed = udpPlace.safeParse(json.udp);
  if (!parsed.success) return { ok: false, fault: faultIn(json.udp, parsed.error.issues[0]?.path[0]) };
  const { server, port, key, nonce } = parsed.data;
  return {
    ok: true,
    hello: { hello: read.hello, host: server, port, key, nonce, isCountedBySession: isCounted(nonce) },
  };
}

function isCounted(nonce: Uint8Array): boolean {
  return nonce.subarray(8).every((byte) => byte === 0);
}

/** No value is quoted: one of them is a secret. */
function faultIn(udp: unknown, member: PropertyKey | undefined): string {
  if (member === undefined) return udp === undefined ? 'udp is missing' : 'udp is not an object';
  const name = String(member);
  const isMissing = (udp as Readonly<Record<string, unknown>>)[name] === undefined;
  return isMissing ? `udp.${name} is missing` : `udp.${name} is not ${wanted[name] ?? 'usable'}`;
}
