import { randomBytes } from 'node:crypto';

/** `AA-BB-…` and `AA:BB:…` become the one form that goes over the wire (firmware A1). */
export function normaliseDeviceId(text: string): string {
  return text.trim().toLowerCase().replaceAll('-', ':');
}

/** Why a normalised text cannot be a device id; undefined when it can. */
export function deviceIdFault(text: string): string | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text)) return 'a MAC address such as 02:00:5e:10:20:30';
  if ((Number.parseInt(text.slice(0, 2), 16) & 1) === 1)
    return 'a unicast MAC address, whose first octet is even: servers refuse multicast addresses as device ids';
  return undefined;
}

/**
 * A random, locally administered, unicast MAC (firmware A5). Not the one of a network card: two devices on one computer
 * must differ, and cards come and go.
 */
export function createDeviceId(): string {
  const octets = randomBytes(6);
  octets[0] = ((octets[0] ?? 0) & 0xfc) | 0x02;
  return [...octets].map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}
