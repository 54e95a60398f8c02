import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';

/** Some mobile and satellite links need that long for a first answer. */
const perAddressMs = 2_500;

/**
 * Gives each address of a name time to answer before the next is tried. Node's quarter of a second fails on a slow link
 * where a name has an IPv6 address that leads nowhere.
 */
export function giveAddressesTime(): void {
  setDefaultAutoSelectFamilyAttemptTimeout(perAddressMs);
}
