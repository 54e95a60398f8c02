import { chooseLoudspeaker, chooseMicrophone } from './adapters/audio/choose-audio.ts';
import { createNullLoudspeaker } from './adapters/audio/loudspeaker-null.ts';
import { createPacer } from './adapters/audio/pacer.ts';
import { CAPTURE_PIECE_MS } from './adapters/audio/recorders.ts';
import { foreignServerAdvice } from './adapters/audio/sound-hardware.ts';
import { withRuntimeDirectory } from './adapters/audio/sound-server-places.ts';
import { parseWav } from './adapters/audio/wav-file.ts';
import { loadNativeParts } from './adapters/native/addon.ts';
import { createOtaClient } from './adapters/provisioning/ota-client.ts';
import type { OtaDevice } from './adapters/provisioning/ota-request.ts';
import { createEspeak } from './adapters/speech/espeak.ts';
import { createJsonFileStorage } from './adapters/storage/json-file.ts';
import { acquireStateLock } from './adapters/storage/state-lock.ts';
import { ownAddresses } from './adapters/system/own-addresses.ts';
import { createSystemTime } from './adapters/system/system-time.ts';
import { TransportChooser } from './adapters/transport/choose-transport.ts';
import { chooseOpusCodec } from './app-codec.ts';
import { createExchange } from './app-exchange.ts';
import { createRecorder } from './app-recorder.ts';
import { createToolService } from './app-tools.ts';
import { keepSound, openVoice, soundSpecs } from './app-voice.ts';
import { createCueLoudspeaker } from './audio/cue-loudspeaker.ts';
import { createCuePath } from './audio/cue-path.ts';
import { createMutableMicrophone } from './audio/mutable-microphone.ts';
import { readAuthorities } from './config/authorities.ts';
import { type DeviceIdentity, type IdentityStore, openIdentity, type TextWay } from './config/identity.ts';
import { resolveLanguage } from './config/language.ts';
import { stateDirectory } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { parseServerAddress, type ServerAddress } from './config/server-address.ts';
import type { Clock } from './core/clock.ts';
import type { ClientError } from './core/errors.ts';
import type { Logger } from './core/logger.ts';
import { printableText } from './core/printable-text.ts';
import { type KnownSecrets, secretsOfConfiguration } from './core/secrets.ts';
import { programVersion } from './core/version.ts';
import type { DeviceSettings } from './machine/context.ts';
import type { ListeningMode } from './machine/events.ts';
import { exemptFromProxies } from './network/proxy.ts';
import type { MqttEndpoint, Provisioning } from './ports/provisioning.ts';
import { errorEvent, type StatusDisplay } from './ports/status-display.ts';
import type { Storage } from './ports/storage.ts';
import type { VerbControl } from './ports/verbs.ts';
import { Cues } from './runtime/cues.ts';
import { Device } from './runtime/device.ts';
import { createEventHub } from './runtime/event-hub.ts';
import { createIdleWatch } from './runtime/idle-watch.ts';
import { watchNetwork } from './runtime/network-watch.ts';
import { createVerbs } from './runtime/verbs.ts';

export interface AppParts {
  readonly config: Config;
  /** The configuration file that was read, if any; its tools are followed while the device runs. */
  readonly file: string | undefined;
  /** The volume was chosen by the user and not by us: what a tool set last time does not count. */
  readonly volumeIsConfigured: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** What `t` of events counts from, on `clock`. */
  readonly startMs: number;
  readonly logger: Logger;
  readonly display: StatusDisplay;
  /** What no log and no event may tell; servers tell some that are added. */
  readonly secrets: KnownSecrets;
  /** Says one line to the person, for what is no event: which devices were chosen and why. */
  readonly say: (line: string) => void;
  /** Starts the demo server in this process and tells its OTA address. Only called when the configuration wants it. */
  readonly startDemoServer: () => Promise<{ readonly otaUrl: string; stop(): Promise<void> }>;
  /** Nobody looks at a screen, so the device makes itself heard. */
  readonly isUnwatched?: boolean | undefined;
  /** What `auto` means on a machine without sound when the demo server is used. */
  readonly demoMicrophone?: string | undefined;
}

export interface App {
  readonly device: Device;
  readonly verbs: VerbControl;
  /** Stops the device and everything around it; idempotent. */
  close(): Promise<void>;
}

/** The composition root: the only place that knows which adapter stands behind which port. */
export async function createApp(parts: AppParts): Promise<App> {
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (let close = closers.pop(); close; close = closers.pop()) await close();
  };
  try {
    const { device, verbs } = await compose(parts, closers);
    return {
      device,
      verbs,
      close: async () => {
        await device.stop();
        await closeAll();
      },
    };
  } catch (thrown) {
    await closeAll();
    throw thrown;
  }
}

async function compose(
  given: AppParts,
  closers: (() => Promise<void>)[],
): Promise<Pick<App, 'device' | 'verbs'>> {
  const events = createEventHub(given.display, given.secrets);
  const parts = { ...given, display: events };
  const { config, clock, logger } = parts;
  const idle = createIdleWatch();
  const time = createSystemTime();
  const address = parseServerAddress(config.server.url) ?? { kind: 'embedded' };
  const [server, { codec, binding, passedOver }, { identity, storage }, chosen, ca] = await allOrNone([
    findServer(parts, address, closers),
    chooseOpusCodec(),
    openState(parts, closers),
    chooseSound(parts, address),
    authoritiesOf(config),
  ]);
  if (passedOver.length > 0)
    parts.say(`Opus: ${binding}; "npm start -- doctor" says how to get a faster one`);
  const transports = new TransportChooser(
    {
      ...config.server,
      ...identity.identity,
      ca,
      uplink: config.audio,
      serverAec: config.audio.aec === 'server',
      clock,
    },
    {
      ...config.server,
      websocketUrl: config.server.websocketUrl ?? server.websocketUrl,
      mqtt: server.mqtt && mqttEndpoint(config, identity.identity, server.mqtt),
      subscribeTopic: config.server.mqtt.subscribeTopic,
      keepAliveSeconds: config.server.mqtt.keepAliveSeconds,
    },
  );
  // The user named the server: nobody has to be asked which road leads there.
  if (server.otaUrl === undefined) await transports.use({});
  const otaDevice = otaDeviceOf(parts, identity);
  const provisioning =
    server.otaUrl === undefined ? undefined : otaClient(parts, otaDevice, server.otaUrl, ca);
  const volume = await openVolume(parts, storage);
  const upgrades = await openUpgradeNews(parts, storage);
  const microphoneMute = await openMicrophoneMute(parts, storage);
  const sound = createCuePath(chosen, clock);
  closers.push(() => sound.end());
  const mutable = createMutableMicrophone(sound.microphone, microphoneMute.muted);
  const directories = { stateDirectory: stateDirectory(config, parts.env) };
  const recorded = createRecorder({
    ...parts,
    ...directories,
    ...sound,
    microphone: mutable.microphone,
    codec,
  });
  closers.push(() => recorded.close());
  const tools = await createToolService({
    ...parts,
    ...directories,
    time,
    identity: otaDevice,
    keepVolume: volume.keep,
    recorder: recorded.recorder,
  });
  closers.push(() => tools.close());
  events.subscribe((event) => {
    if (event.type === 'announcement' && event.phase === 'failed') tools.tasks.markTried([event.task]);
  });
  const exchange = await createExchange({ ...parts, ...directories, events, idle, tools });
  closers.push(() => exchange.close());
  const voice = await openVoice(parts, recorded);
  closers.push(() => Promise.resolve(voice.close()));
  const { microphone, voiceDetector, wakeWordDetector, ownVoice } = voice;
  const loudspeaker = createCueLoudspeaker(voice.loudspeaker, clock);
  const device = new Device(
    {
      microphone,
      loudspeaker,
      voiceDetector,
      wakeWordDetector,
      ownVoice,
      codec,
      createConcealingDecoder: (sampleRateHz) => loadNativeParts().createOpusDecoder?.(sampleRateHz),
      transports,
      links: transports,
      provisioning: {
        provisioning,
        memory: {
          recall: () => (server.otaUrl === undefined ? undefined : identity.recall(server.otaUrl)),
          remember: (answer) => identity.remember(server.otaUrl ?? '', answer),
        },
        useAnswer: (answer) => {
          given.secrets.add(secretsOfConfiguration(answer));
          return transports.use(answer);
        },
        onFirmware: upgrades,
      },
      display: events,
      clock,
      logger: logger.child('device'),
      openTools: tools.openTools,
      notices: tools.notices,
      onQuiet: (isQuiet) => idle.set(isQuiet),
      rememberTextWay: (way) => {
        identity.rememberTextWay(config.server.url, way).catch((cause: unknown) => {
          logger.warn('How the server takes texts could not be kept for the next start', { cause });
        });
      },
    },
    {
      settings: {
        listeningMode: voice.listeningMode,
        idleSettleMs: config.conversation.idleSettleMs,
        replyTimeoutMs: config.conversation.replyTimeoutMs,
        soundGapTimeoutMs: config.conversation.soundGapTimeoutMs,
        resumeWithinMs: config.conversation.resumeWithinMs,
        serverMayListen: config.conversation.serverMayListen,
        textWays: textWaysOf(config, identity),
        releaseTailMs: config.audio.frameDurationMs + 40,
        voiceOverAnswer: voice.voiceOverAnswer,
        localEndpointing: endsTurnsHere(config, voice.listeningMode),
        wakeWord: wakeWordUse(config),
        recovery: config.server.recovery,
        announcements: { ...config.announcements, language: noticeLanguage(parts) },
        mailboxCapacity: config.announcements.mailboxCapacity,
        random: Math.random,
        now: () => new Date(time.wallMs()),
      },
      encoder: config.audio,
      preRollMs: config.audio.preRollMs,
      heardMs: config.announcements.heardMs,
      volumePercent: volume.percent,
      muted: config.audio.muted,
      microphoneMuted: microphoneMute.muted,
      serverAec: config.audio.aec === 'server',
    },
  );
  const cues = new Cues({
    clock,
    loudspeaker,
    wishes: sound,
    enabled: config.cues.enabled ?? given.isUnwatched ?? false,
    volumePercent: config.cues.volumePercent,
    language: noticeLanguage(parts),
    isMuted: () => device.muted,
    speak: createEspeak({ parseWav: (bytes) => parseWav(bytes, 'espeak-ng') }),
  });
  closers.push(async () => {
    cues.close();
    await loudspeaker.endCues();
  });
  events.subscribe((event) => cues.show(event));
  if (config.cues.enabled !== false) tools.onTimer(() => cues.ring());
  const verbs = createVerbs({
    device,
    tasks: tools.tasks,
    keep: {
      volume: volume.keep,
      microphoneMuted: (muted) => {
        mutable.setMuted(muted);
        return microphoneMute.keep(muted);
      },
    },
  });
  await exchange.open(device, verbs);
  const stopWatching = watchNetwork({
    clock,
    time,
    addresses: ownAddresses,
    onChange: (what) => {
      logger.info(what === 'sleep' ? 'The computer has slept' : 'The network has changed');
      transports.checkLife();
      exchange.checkLife();
      device.send({ type: 'network.changed' });
    },
  });
  closers.push(() => Promise.resolve(stopWatching()));
  await tools.attach(device, idle);
  return { device, verbs };
}

/** In a script nobody is there to let go of the talk key. */
function endsTurnsHere({ conversation }: Config, mode: ListeningMode): boolean {
  return conversation.localEndpointing || (mode === 'manual' && conversation.turns !== undefined);
}

/** The one that the user wants; else all of them, the one that was answered last time first. */
function textWaysOf({ server }: Config, identity: IdentityStore): readonly TextWay[] {
  if (server.textWay !== 'auto') return [server.textWay];
  const known = identity.recallTextWay(server.url) ?? 'detect';
  return [known, ...(['detect', 'listen-text', 'text'] as const).filter((way) => way !== known)];
}

function wakeWordUse({ wakeWord }: Config): DeviceSettings['wakeWord'] {
  if (wakeWord.modelDirectory === undefined) return 'none';
  return wakeWord.uploadAudio ? 'uploaded' : 'unsent';
}

function noticeLanguage({ config, env }: AppParts): 'en' | 'zh-CN' {
  const { language } = config.announcements;
  if (language !== 'auto') return language;
  return resolveLanguage(config.display.language, env) === 'zh-CN' ? 'zh-CN' : 'en';
}

/** The volume that was set last by voice, unless the user wants another. */
async function openVolume({ config, volumeIsConfigured, logger }: AppParts, storage: Storage) {
  const kept = volumeIsConfigured ? undefined : await storage.get('volume');
  const percent = typeof kept === 'number' && kept >= 0 && kept <= 100 ? kept : config.audio.volumePercent;
  const keep = (volumePercent: number) => {
    storage.set('volume', volumePercent).catch((cause: unknown) => {
      logger.warn('The volume could not be kept for the next start', { cause });
    });
  };
  return { percent, keep };
}

/** A newer firmware is news once, also over restarts: whoever has heard of it can do no more about it than update. */
async function openUpgradeNews({ display, logger }: AppParts, storage: Storage) {
  let told = await storage.get('upgradeTold');
  return (offered: string) => {
    const version = printableText(offered, maxVersionCharacters);
    if (version === told) return;
    told = version;
    display.show({ type: 'upgrade', version });
    storage.set('upgradeTold', version).catch((cause: unknown) => {
      logger.warn('That a newer firmware was told could not be kept for the next start', { cause });
    });
  };
}

const maxVersionCharacters = 40;

/** A microphone that somebody has switched off stays off over a restart. */
async function openMicrophoneMute({ logger }: AppParts, storage: Storage) {
  const keep = (muted: boolean): Promise<void> =>
    storage.set('microphoneMuted', muted).catch((cause: unknown) => {
      logger.warn('That the microphone is muted could not be kept for the next start', { cause });
    });
  return { muted: (await storage.get('microphoneMuted')) === true, keep };
}

/** Like `Promise.all`, but a failure waits for the others: what they open while it happens has to be closed, too. */
async function allOrNone<Values extends readonly unknown[]>(
  promises: readonly [...{ [Index in keyof Values]: Promise<Values[Index]> }],
): Promise<Values> {
  await Promise.allSettled(promises);
  return (await Promise.all(promises)) as unknown as Values;
}

interface ServerPlace {
  readonly otaUrl?: string | undefined;
  readonly websocketUrl?: string | undefined;
  readonly mqtt?: Extract<ServerAddress, { kind: 'mqtt' }> | undefined;
}

/** A broker that the user named: the client id is in the form gateways know (servers.md 3.2). */
function mqttEndpoint(
  { server }: Config,
  { deviceId, clientId }: DeviceIdentity,
  { endpoint, username, password }: Extract<ServerAddress, { kind: 'mqtt' }>,
): MqttEndpoint {
  return {
    endpoint,
    clientId: server.mqtt.clientId ?? `GID_xiaozhi@@@${deviceId.replaceAll(':', '_')}@@@${clientId}`,
    username,
    password,
    publishTopic: server.mqtt.publishTopic,
  };
}

async function findServer(
  { startDemoServer }: AppParts,
  address: ServerAddress,
  closers: (() => Promise<void>)[],
): Promise<ServerPlace> {
  switch (address.kind) {
    case 'embedded': {
      const server = await startDemoServer();
      exemptFromProxies(server.otaUrl);
      closers.push(() => server.stop());
      return { otaUrl: server.otaUrl };
    }
    case 'ota':
      return { otaUrl: address.url };
    case 'websocket':
      return { websocketUrl: address.url };
    case 'mqtt':
      return { mqtt: address };
  }
}

async function openState(
  { config, env, display }: AppParts,
  closers: (() => Promise<void>)[],
): Promise<{ identity: IdentityStore; storage: Storage }> {
  const directory = stateDirectory(config, env);
  const onProblem = (error: ClientError) => display.show(errorEvent(error));
  const lock = await acquireStateLock(directory);
  closers.push(() => lock.release());
  if (lock.doubt) onProblem(lock.doubt);
  const storage = createJsonFileStorage({ directory, onDamaged: onProblem });
  return { identity: await openIdentity(storage, config.identity, onProblem), storage };
}

async function chooseSound(given: AppParts, address: ServerAddress) {
  const { config, clock, say, demoMicrophone, display } = given;
  const env = withRuntimeDirectory(given.env);
  const parts = { ...given, env };
  const pacer = createPacer(clock, config.audio.frameDurationMs);
  const demo = address.kind === 'embedded';
  const environment = {
    env,
    pacer,
    channel: config.audio.channel,
    // Whole frames wake nobody up in between. What listens to the sound itself wants to hear it sooner.
    capturePieceMs: config.audio.aec === 'native' ? CAPTURE_PIECE_MS : config.audio.frameDurationMs,
    playbackSampleRateHz: config.audio.playbackSampleRateHz,
    mayComeLater: config.audio.waitForDevices ?? isService(env),
    onProblem: (error: ClientError) => display.show(errorEvent(error)),
  };
  const specs = await soundSpecs(config, env);
  const usesHardware = [specs.microphone, specs.loudspeaker].some((spec) => !/^(null$|wav:)/.test(spec));
  const foreign = usesHardware ? foreignServerAdvice({ env }) : undefined;
  if (foreign !== undefined) say(foreign);
  const [microphone, loudspeaker] = await Promise.all([
    chooseMicrophone(specs.microphone, {
      ...environment,
      fallbackSpec: demo ? demoMicrophone : undefined,
    }),
    chooseLoudspeaker(specs.loudspeaker, {
      ...environment,
      fallbackSpec: demo ? 'null' : undefined,
    }),
  ]);
  say(`Microphone: ${microphone.device.name}, ${microphone.reason}`);
  say(`Loudspeaker: ${loudspeaker.device.name}, ${loudspeaker.reason}`);
  const silence = createNullLoudspeaker({ pacer });
  return keepSound(parts, { microphone, loudspeaker, silence });
}

/** Started by systemd: nobody looks at an exit code, and what the service needs may come later than it. */
const isService = (env: AppParts['env']): boolean => env.INVOCATION_ID !== undefined;

function otaDeviceOf({ config, env }: AppParts, { identity }: IdentityStore): OtaDevice {
  return {
    ...config.identity,
    ...identity,
    language: resolveLanguage(config.display.language, env),
    version: programVersion,
  };
}

/** Rejects like everything else that is asked for at the start. */
function authoritiesOf({ server }: Config): Promise<readonly string[] | undefined> {
  return Promise.resolve(server.caFile).then((caFile) =>
    caFile === undefined ? undefined : readAuthorities(caFile, 'server.caFile'),
  );
}

function otaClient(
  { config, clock }: AppParts,
  device: OtaDevice,
  url: string,
  authorities: readonly string[] | undefined,
): Provisioning {
  return createOtaClient({
    url,
    device,
    authorities,
    wrapActivationPayload: config.server.wrapActivationPayload,
    clock,
  });
}
