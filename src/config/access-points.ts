import * as z from 'zod';
import { faultWords } from '../core/fault-words.ts';
import { readConfigSections } from './config-sections.ts';
import { isPlainObject } from './layers.ts';
import { channelOf, entryFaults, firstOfEach, nameOf, outboundKeys } from './outbound-entries.ts';
import { outboundUrl } from './outbound-url.ts';

/** One access point that is to be served. */
export interface AccessPointDefinition {
  /** Empty for the first without a name. */
  readonly name: string;
  /** In events, and with tasks: `access-point`, `access-point:NAME`. */
  readonly channel: string;
  /** The token in its query is the only credential. */
  readonly url: string;
  /** PEM file with an authority that is trusted beside the usual ones. */
  readonly caFile?: string | undefined;
  readonly profile: 'official' | 'self-hosted';
  /** Globs of tool names; what is denied stays denied. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** `false`: what its calls leave behind is not told by this loudspeaker. */
  readonly announce: boolean;
}

const maxAccessPoints = 32;

const Entry = z.strictObject({
  url: outboundUrl,
  ...outboundKeys,
  profile: z.enum(['auto', 'official', 'self-hosted']).default('auto'),
});

/** Reads only this section of a configuration file; undefined when there is none. Throws what `readConfigSections` throws. */
export async function readAccessPointSection(file: string): Promise<unknown> {
  return (await readConfigSections(file, 'mcpEndpoint')).mcpEndpoint;
}

/**
 * The section `mcpEndpoint`: a URL, an object with a `url`, or a list of both. What is wrong is told and left out, the rest
 * is served.
 */
export function parseAccessPoints(raw: unknown): {
  readonly definitions: readonly AccessPointDefinition[];
  readonly faults: readonly string[];
} {
  if (raw === undefined || raw === null) return { definitions: [], faults: [] };
  const list = Array.isArray(raw) ? raw : [raw];
  if (list.length > maxAccessPoints)
    return { definitions: [], faults: [`mcpEndpoint: must be at most ${maxAccessPoints} access points`] };
  const faults: string[] = [];
  const enabled = list.flatMap((item, index) => {
    const where = Array.isArray(raw) ? `mcpEndpoint[${index}]` : 'mcpEndpoint';
    const parsed = parseEntry(item, where, index);
    if ('faults' in parsed) {
      faults.push(...parsed.faults);
      return [];
    }
    return parsed.enabled ? [{ where, entry: parsed.definition }] : [];
  });
  const named = firstOfEach(
    enabled,
    ({ name }) => name,
    (where, first) => `${where}.name: ${first} has the same; give each its own`,
  );
  const single = firstOfEach(
    named.kept,
    ({ url }) => url,
    (where, first) =>
      `${where}: ${first} has the same address; two connections with one token end each other`,
  );
  return {
    definitions: single.kept.map(({ entry }) => entry),
    faults: [...faults, ...named.faults, ...single.faults],
  };
}

function parseEntry(item: unknown, where: string, index: number) {
  if (typeof item !== 'string' && !isPlainObject(item))
    return { faults: [`${where}: must be the address of an access point, or an object with a "url"`] };
  const parsed = Entry.safeParse(typeof item === 'string' ? { url: item } : item, { error: faultWords });
  if (!parsed.success) {
    const faults = entryFaults(parsed.error, where, Object.keys(Entry.shape));
    return { faults: typeof item === 'string' ? faults.map((fault) => fault.replace('.url:', ':')) : faults };
  }
  const { url, caFile, profile, allow, deny, announce, enabled } = parsed.data;
  const name = nameOf(parsed.data.name, index);
  const definition: AccessPointDefinition = {
    name,
    channel: channelOf('access-point', name),
    url,
    ...(caFile !== undefined && { caFile }),
    profile: profile === 'auto' ? profileOf(url) : profile,
    allow,
    deny,
    announce,
  };
  return { enabled, definition };
}

/** The cloud is known by its name; everybody else runs the relay of the open server. */
function profileOf(url: string): AccessPointDefinition['profile'] {
  return /(^|\.)xiaozhi\.me$/.test(new URL(url).hostname) ? 'official' : 'self-hosted';
}
