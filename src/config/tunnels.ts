import * as z from 'zod';
import { faultWords } from '../core/fault-words.ts';
import { readConfigSections } from './config-sections.ts';
import { isPlainObject } from './layers.ts';
import { channelOf, entryFaults, firstOfEach, nameOf, outboundKeys } from './outbound-entries.ts';
import { outboundUrl } from './outbound-url.ts';

/** One tunnel that is to be kept open. */
export interface TunnelDefinition {
  /** Empty for the first without a name. */
  readonly name: string;
  /** In events, and with tasks: `tunnel`, `tunnel:NAME`. */
  readonly channel: string;
  readonly url: string;
  /** PEM file with an authority that is trusted beside the usual ones. */
  readonly caFile?: string | undefined;
  readonly token: string;
  /** What the tunnel may see at all; its other end approves among these. Globs of tool names. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** `false`: what its calls leave behind is not told by this loudspeaker. */
  readonly announce: boolean;
}

const maxTunnels = 32;
const tokenForm = 'must be a token without spaces';
const token = z.string(tokenForm).regex(/^[\x21-\x7e]{1,8192}$/, tokenForm);

const Entry = z.strictObject({ url: outboundUrl, token, ...outboundKeys });

/** Reads only this section of a configuration file; undefined when there is none. Throws what `readConfigSections` throws. */
export async function readTunnelSection(file: string): Promise<unknown> {
  return (await readConfigSections(file, 'tunnels')).tunnels;
}

/** The section `tunnels`: a list of objects, or one. What is wrong is told and left out, the rest is kept open. */
export function parseTunnels(raw: unknown): {
  readonly definitions: readonly TunnelDefinition[];
  readonly faults: readonly string[];
} {
  if (raw === undefined || raw === null) return { definitions: [], faults: [] };
  const list = Array.isArray(raw) ? raw : [raw];
  if (list.length > maxTunnels)
    return { definitions: [], faults: [`tunnels: must be at most ${maxTunnels} tunnels`] };
  const faults: string[] = [];
  const enabled = list.flatMap((item, index) => {
    const where = Array.isArray(raw) ? `tunnels[${index}]` : 'tunnels';
    if (!isPlainObject(item)) {
      faults.push(`${where}: must be an object with "url" and "token"`);
      return [];
    }
    const parsed = Entry.safeParse(item, { error: faultWords });
    if (!parsed.success) {
      faults.push(...entryFaults(parsed.error, where, Object.keys(Entry.shape)));
      return [];
    }
    const { enabled, name: given, ...rest } = parsed.data;
    const name = nameOf(given, index);
    return enabled ? [{ where, entry: { ...rest, name, channel: channelOf('tunnel', name) } }] : [];
  });
  const named = firstOfEach(
    enabled,
    ({ name }) => name,
    (where, first) => `${where}.name: ${first} has the same; give each its own`,
  );
  return { definitions: named.kept.map(({ entry }) => entry), faults: [...faults, ...named.faults] };
}
