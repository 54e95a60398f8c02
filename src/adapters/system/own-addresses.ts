import { networkInterfaces } from 'node:os';

/** Addresses of this computer with the names of their interfaces, but for those that lead to itself. Never throws. */
export function ownAddresses(): readonly string[] {
  try {
    return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
      addresses.filter(({ internal }) => !internal).map(({ address }) => `${name} ${address}`),
    );
  } catch {
    // Some sandboxes do not let anybody look.
    return [];
  }
}
