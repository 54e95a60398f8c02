import { dirname } from 'node:path';
import { watchToolsFile } from './adapters/tools/tools-file-watch.ts';
import { type AccessPoints, createAccessPoints } from './app-access-points.ts';
import { type Control, createControl } from './app-control.ts';
import {
  createInstallService,
  createMountSwitches,
  createQuarantine,
  type InstallService,
} from './app-installs.ts';
import { createMountService, type MountService } from './app-mounts.ts';
import type { ToolService } from './app-tools.ts';
import { readAccessPointSection } from './config/access-points.ts';
import { cacheDirectory } from './config/load.ts';
import { readMountSections } from './config/mounts.ts';
import type { Config } from './config/schema.ts';
import { readTunnelSection } from './config/tunnels.ts';
import type { Clock } from './core/clock.ts';
import type { ClientError } from './core/errors.ts';
import type { Logger } from './core/logger.ts';
import { type KnownSecrets, secretsOfConfiguration } from './core/secrets.ts';
import { sourceOf } from './mcp/control/mount-source.ts';
import type { Quarantine } from './mcp/control/quarantine.ts';
import { createCoalescer } from './mcp/mounts/coalescer.ts';
import type { IdleSignal } from './ports/idle-signal.ts';
import { errorEvent } from './ports/status-display.ts';
import type { VerbControl } from './ports/verbs.ts';
import type { Device } from './runtime/device.ts';
import type { EventHub } from './runtime/event-hub.ts';
import { startIsOver } from './runtime/start-over.ts';

export interface ExchangeParts {
  readonly config: Config;
  /** The configuration file, whose mounts, access points and tunnels are followed while the device runs. */
  readonly file: string | undefined;
  readonly stateDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** What `t` of events counts from, on `clock`. */
  readonly startMs: number;
  readonly logger: Logger;
  readonly events: EventHub;
  readonly secrets: KnownSecrets;
  readonly idle: IdleSignal;
  readonly tools: Pick<ToolService, 'registry' | 'access' | 'dispatcher' | 'tasks' | 'reportCollisions'>;
}

/** Tools of others for our servers, and our tools for others: mounts, run-time installs, access points, tunnels, control API. */
export interface Exchange {
  /** Offers what is known from last time. Servers, access points and API come while the device starts; nobody waits for them. */
  open(device: Device, verbs: VerbControl): Promise<void>;
  /** See `AccessPoints.checkLife`. */
  checkLife(): void;
  close(): Promise<void>;
}

/** Many changes of the list are told as one. */
const changeWindowMs = 1_000;

interface Services {
  readonly quarantine: Quarantine;
  readonly mounts: MountService;
  readonly installs: InstallService;
  readonly links: AccessPoints;
}

/** Loads nothing that the configuration does not ask for. */
export async function createExchange(parts: ExchangeParts): Promise<Exchange> {
  const { clock, config, events, idle, logger, tools, env } = parts;
  const { registry } = tools;
  const closers: (() => Promise<void> | void)[] = [];
  const onProblem = (error: ClientError) => events.show(errorEvent(error));
  const shared = { ...parts, registry, display: events, onProblem, baseDirectory: baseDirectoryOf(parts) };
  const closing = new AbortController();
  const [quarantine, switches] = await Promise.all([createQuarantine(shared), createMountSwitches(shared)]);
  const mounts = createMountService({
    ...shared,
    switches,
    cacheDirectory: cacheDirectory(config, env),
    logger: logger.child('mcp-servers'),
    connectAfter: startIsOver(idle, clock, closing.signal),
    onTools: (group, list, definition) => {
      quarantine.publish(group, list, sourceOf(definition));
      tools.reportCollisions();
    },
  });
  const installs = await createInstallService({ ...shared, quarantine, mounts: mounts.mounts });
  const links = createAccessPoints({
    ...shared,
    access: tools.access,
    dispatcher: tools.dispatcher,
    logger: logger.child('links'),
    wallClock: Date.now,
    random: Math.random,
  });
  const services = { quarantine, mounts, installs, links };
  // The last to be opened is the first to be closed: nobody calls a tool that is being ended.
  closers.push(
    () => mounts.close(),
    () => installs.close(),
    () => links.close(),
  );
  return {
    async open(device, verbs) {
      await mounts.start();
      await installs.start();
      closers.push(followChanges(parts, services, device));
      closers.push(...(await followFile(parts, services)));
      const control = controlOf(parts, services, { device, verbs }, onProblem);
      closers.push(() => control.close());
      // At once: somebody may want to know why the device is not ready.
      void control.start();
      links.start();
    },
    checkLife: () => links.checkLife(),
    async close() {
      closing.abort();
      for (let close = closers.pop(); close; close = closers.pop()) await close();
    },
  };
}

function controlOf(
  parts: ExchangeParts,
  { quarantine, mounts, installs, links }: Services,
  controlled: { readonly device: Device; readonly verbs: VerbControl },
  onProblem: (error: ClientError) => void,
): Control {
  return createControl({
    ...parts,
    ...parts.tools,
    quarantine,
    installs: installs.installs,
    mounts: mounts.mounts,
    links: () => links.statuses(),
    ...controlled,
    onProblem,
  });
}

/** From now on servers learn what comes and goes. Returns what ends it. */
function followChanges({ clock, tools }: ExchangeParts, { links }: Services, device: Device): () => void {
  const telling = createCoalescer({
    clock,
    delayMs: changeWindowMs,
    gapMs: changeWindowMs,
    run: () => {
      device.toolsChanged();
      links.toolsChanged();
      return Promise.resolve();
    },
  });
  const endings = [
    tools.registry.subscribe(() => telling.request()),
    // Who may see what is part of the list.
    tools.access.subscribe(() => telling.request()),
  ];
  return () => {
    for (const end of endings) end();
    telling.stop();
  };
}

/** Returns what ends it. */
async function followFile(
  { clock, config, file, secrets }: ExchangeParts,
  { mounts, links }: Services,
): Promise<(() => void)[]> {
  if (file === undefined) return [];
  // The tools of the device are in the same file, and whoever follows them tells when it cannot be read.
  const toldAlready = () => {};
  const { mcpServers, mcpServerConfig, mcpEndpoint, tunnels } = config;
  const watches = await Promise.all([
    watchToolsFile({
      file,
      load: readMountSections,
      current: { mcpServers, mcpServerConfig },
      onTools: (sections) => {
        secrets.add(secretsOfConfiguration(sections));
        void mounts.update(sections);
      },
      onProblem: toldAlready,
      clock,
    }),
    watchToolsFile({
      file,
      load: readAccessPointSection,
      current: mcpEndpoint,
      onTools: (section) => {
        secrets.add(secretsOfConfiguration({ mcpEndpoint: section }));
        void links.updateAccessPoints(section);
      },
      onProblem: toldAlready,
      clock,
    }),
    watchToolsFile({
      file,
      load: readTunnelSection,
      current: tunnels,
      onTools: (section) => {
        secrets.add(secretsOfConfiguration(section));
        void links.updateTunnels(section);
      },
      onProblem: toldAlready,
      clock,
    }),
  ]);
  return watches.map((watch) => () => watch.stop());
}

const baseDirectoryOf = ({ file }: ExchangeParts): string =>
  file === undefined ? process.cwd() : dirname(file);
