import { z } from 'zod';
import { readServerHello, type ServerHello } from './hello.ts';
import type { UdpKeys } from './udp-packet.ts';

/** A server hello over MQTT: the session, and where its audio goes (firmware D22). */
export interface UdpOffer extends UdpKeys {
  readonly hello: ServerHello;
  readonly host: string;
  readonly port: number;
}

const sixteenBytes = z
  .string()
  .regex(/^[0-9a-fA-F]{32}$/u)
  .transform((text) => Uint8Array.from(Buffer.from(text, 'hex')));

const withUdp = z.looseObject({
  udp: z.looseObject({
    server: z.string().min(1).max(253),
    port: z.number().int().min(1).max(65_535),
    key: sixteenBytes,
    nonce: sixteenBytes,
  }),
});

/** Undefined when anything in it is not as it must be; then it counts as no hello at all. `encryption` is not read. */
export function readUdpOffer(json: Readonly<Record<string, unknown>>): UdpOffer | undefined {
  const hello = readServerHello(json, 'udp');
  const parsed = withUdp.safeParse(json);
  if (!hello || !parsed.success) return undefined;
  const { server, port, key, nonce } = parsed.data.udp;
  return { hello, host: server, port, key, nonce };
}
