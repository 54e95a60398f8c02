import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { AccessPoint, AccessPointOptions } from './adapters/outbound-link/access-point.ts';
import type { Tunnel, TunnelOptions } from './adapters/outbound-link/tunnel.ts';
import { type AccessPointDefinition, parseAccessPoints } from './config/access-points.ts';
import { readAuthorities } from './config/authorities.ts';
import type { Config } from './config/schema.ts';
import { parseTunnels, type TunnelDefinition } from './config/tunnels.ts';
import type { Clock, TimerHandle } from './core/clock.ts';
import { ClientError, ErrorCode, toClientError } from './core/errors.ts';
import { lazyPart } from './core/lazy-part.ts';
import type { Logger } from './core/logger.ts';
import { programVersion } from './core/version.ts';
import { type AccessList, type AccessRules, createAccessList } from './mcp/access-list.ts';
import type { Dispatcher } from './mcp/dispatcher.ts';
import type { ToolRegistry } from './mcp/registry.ts';
import { createChannelServer } from './mcp/server.ts';
import { createTunnelServer } from './mcp/tunnel-server.ts';
import type { IdleSignal } from './ports/idle-signal.ts';
import type { AccessPointStatus, OutboundLinkStatus, TunnelStatus } from './ports/outbound-link.ts';
import { errorEvent, type StatusDisplay } from './ports/status-display.ts';

export interface AccessPointsParts {
  readonly config: Config;
  readonly registry: ToolRegistry;
  readonly dispatcher: Dispatcher;
  /** The list of all channels; each link has its own beside it. */
  readonly access: AccessList;
  readonly idle: IdleSignal;
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly display: StatusDisplay;
}

/** Who may call our tools from elsewhere: access points and tunnels, each on its own. */
export interface AccessPoints {
  /** Faults of the configuration are shown; everything else happens in the background. */
  start(): void;
  /** The list of tools may have changed. */
  toolsChanged(): void;
  /** The network may have changed: each connection has to show that it lives. */
  checkLife(): void;
  /** Empty until the links are loaded, a moment after the start. */
  statuses(): {
    readonly accessPoints: readonly AccessPointStatus[];
    readonly tunnels: readonly TunnelStatus[];
  };
  /**
   * The section `tunnels` has changed. A tunnel with a new address or token is closed completely and dialled there; those
   * that are the same go on. Resolves when tunnels that are gone are closed.
   */
  updateTunnels(section: unknown): Promise<void>;
  /** The section `mcpEndpoint` has changed. Access points that are the same go on; one that differs is closed and opened anew. */
  updateAccessPoints(section: unknown): Promise<void>;
  /** Resolves when all connections are closed. */
  close(): Promise<void>;
}

/** A call that a tunnel makes is handed over after this, before its other end gives up. */
const tunnelReplyWithinMs = 60_000;

/** After a part of the program could not be loaded. */
const retryMs = 60_000;

const loadAccessPoint = lazyPart(() => import('./adapters/outbound-link/access-point.ts'));
const loadTunnel = lazyPart(() => import('./adapters/outbound-link/tunnel.ts'));

/** Loads nothing when nothing is configured. */
export function createAccessPoints(parts: AccessPointsParts): AccessPoints {
  const { config, display, clock } = parts;
  const retries = new Set<TimerHandle>();
  const accessPoints = new Map<string, OpenAccessPoint>();
  const tunnels = new Map<string, OpenTunnel>();
  /** Starting, and changes after it: one after the other. */
  let changing: Promise<void> | undefined;
  let closed = false;

  function show(faults: readonly string[]): void {
    for (const fault of faults)
      display.show(errorEvent(new ClientError(ErrorCode.configInvalid, `${fault} (left out)`)));
  }

  /** Those that are gone are closed first: two connections with one token end each other. */
  async function takeOverAccessPoints(section: unknown): Promise<void> {
    const { definitions, faults } = parseAccessPoints(section);
    show(faults);
    const wanted = new Map(definitions.map((definition) => [definition.name, definition]));
    const gone = [...accessPoints].filter(
      ([name, { definition }]) => !isDeepStrictEqual(definition, wanted.get(name)),
    );
    for (const [name] of gone) accessPoints.delete(name);
    await Promise.all(gone.map(([, { link }]) => link.stop()));
    for (const definition of definitions)
      if (!accessPoints.has(definition.name)) await openAccessPoint(definition);
  }

  async function openAccessPoint(definition: AccessPointDefinition): Promise<void> {
    const { createAccessPoint } = await loadAccessPoint();
    if (closed) return;
    const link = createAccessPoint(accessPointOptions(definition, parts));
    accessPoints.set(definition.name, { definition, link });
    link.start();
  }

  async function takeOverTunnels(section: unknown): Promise<void> {
    const { definitions, faults } = parseTunnels(section);
    show(faults);
    const wanted = new Map(definitions.map((definition) => [definition.name, definition]));
    const gone = [...tunnels].filter(([name, { definition }]) => !hasRulesOf(definition, wanted.get(name)));
    for (const [name] of gone) tunnels.delete(name);
    await Promise.all(gone.map(([, { tunnel }]) => tunnel.stop()));
    for (const definition of definitions) {
      const open = tunnels.get(definition.name);
      if (open) moveTunnel(open, definition);
      else await openTunnel(definition);
    }
  }

  async function openTunnel(definition: TunnelDefinition): Promise<void> {
    const { createTunnel } = await loadTunnel();
    if (closed) return;
    const tunnel = createTunnel(tunnelOptions(definition, parts));
    tunnels.set(definition.name, { definition, tunnel });
    tunnel.start();
  }

  function change(run: () => Promise<unknown>): Promise<void> {
    changing = Promise.resolve(changing)
      .then(() => (closed ? undefined : run()))
      .then(
        () => {},
        (thrown: unknown) => {
          display.show(errorEvent(toClientError(thrown)));
          if (!closed) retries.add(clock.setTimeout(() => void change(run), retryMs));
        },
      );
    return changing;
  }

  const links = () => [
    ...[...accessPoints.values()].map(({ link }) => link),
    ...[...tunnels.values()].map(({ tunnel }) => tunnel),
  ];

  return {
    start() {
      if (changing) return;
      void change(() =>
        Promise.all([takeOverAccessPoints(config.mcpEndpoint), takeOverTunnels(config.tunnels)]),
      );
    },
    toolsChanged() {
      for (const link of links()) link.toolsChanged();
    },
    checkLife() {
      for (const link of links()) link.checkLife();
    },
    statuses: () => ({
      accessPoints: [...accessPoints.values()].map(({ link }) => link.status()),
      tunnels: [...tunnels.values()].map(({ tunnel }) => tunnel.status()),
    }),
    updateAccessPoints: (section) => change(() => takeOverAccessPoints(section)),
    updateTunnels: (section) => change(() => takeOverTunnels(section)),
    async close() {
      closed = true;
      for (const retry of retries) clock.clearTimeout(retry);
      await changing;
      await Promise.all(links().map((link) => link.stop()));
    },
  };
}

interface OpenAccessPoint {
  readonly definition: AccessPointDefinition;
  readonly link: AccessPoint;
}

interface OpenTunnel {
  definition: TunnelDefinition;
  readonly tunnel: Tunnel;
}

/** Which tools a tunnel may see belongs to it from its beginning to its end. */
function hasRulesOf(
  { allow, deny, announce }: TunnelDefinition,
  other: TunnelDefinition | undefined,
): boolean {
  if (other === undefined) return false;
  return isDeepStrictEqual([allow, deny, announce], [other.allow, other.deny, other.announce]);
}

function moveTunnel(open: OpenTunnel, definition: TunnelDefinition): void {
  const { url, token, caFile } = definition;
  const before = open.definition;
  const isThere = before.url === url && before.token === token && before.caFile === caFile;
  open.definition = definition;
  if (!isThere) open.tunnel.reconfigure({ url, token, caFile });
}

/** What every link wants. */
function linkParts({ clock, random, display }: AccessPointsParts, logger: Logger, channel: string) {
  let shown = '';
  return {
    clock,
    random,
    logger,
    readAuthorities,
    onStatus: (status: OutboundLinkStatus & Pick<TunnelStatus, 'approvedTools'>) => {
      const { url, state, lastClose, nextAttemptInMs, approvedTools } = status;
      logger.debug('State of the link', { url, state, ...lastClose, nextAttemptInMs });
      const event = {
        type: 'link',
        channel,
        state,
        ...(approvedTools !== undefined && { approvedTools }),
      } as const;
      // Told of every call's end, too.
      if (JSON.stringify(event) === shown) return;
      shown = JSON.stringify(event);
      display.show(event);
    },
    onProblem: (error: ClientError) => display.show(errorEvent(error)),
  };
}

function accessPointOptions(
  { name, url, caFile, profile, channel, announce, ...rules }: AccessPointDefinition,
  parts: AccessPointsParts,
): AccessPointOptions {
  const { config, registry, dispatcher, wallClock, idle } = parts;
  const logger = parts.logger.child(channel);
  const access = narrowed(rules, parts.access);
  return {
    ...linkParts(parts, logger, channel),
    name,
    url,
    caFile,
    profile,
    wallClock,
    idle,
    openServer: (connection) =>
      createChannelServer({
        registry,
        access,
        dispatcher,
        name: config.identity.boardName,
        version: programVersion,
        channel,
        announce,
        logger,
        ...connection,
      }),
  };
}

function tunnelOptions(
  { name, url, caFile, token, channel, announce, ...rules }: TunnelDefinition,
  parts: AccessPointsParts,
): TunnelOptions {
  const { registry, dispatcher } = parts;
  const logger = parts.logger.child(channel);
  const access = narrowed(rules, parts.access);
  return {
    ...linkParts(parts, logger, channel),
    name,
    target: { url, token, caFile },
    openServer: (send) =>
      createTunnelServer({
        registry,
        access,
        dispatcher,
        channel,
        announce,
        report: capabilities(parts.config),
        replyWithinMs: tunnelReplyWithinMs,
        logger,
        send,
      }),
  };
}

/** What one link may see, of what all may see. */
function narrowed(rules: AccessRules, all: AccessList): Pick<AccessList, 'permits'> {
  const own = createAccessList(rules);
  return { permits: (name) => own.permits(name) && all.permits(name) };
}

function capabilities({ audio, identity }: Config) {
  const { sampleRateHz, playbackSampleRateHz, frameDurationMs } = audio;
  return {
    audio: {
      microphone: audio.microphone !== 'null',
      loudspeaker: audio.loudspeaker !== 'null',
      codec: 'opus',
      sampleRateHz,
      playbackSampleRateHz,
      frameDurationMs,
    },
    host: { name: hostname(), platform: process.platform, arch: process.arch, board: identity.boardName },
    version: programVersion,
  };
}
