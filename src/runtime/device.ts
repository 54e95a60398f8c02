import { createActor, fromCallback, fromPromise } from 'xstate';
import { Downlink, type DownlinkOptions } from '../audio/downlink.ts';
import { NearEnd, type OwnVoiceWitness } from '../audio/near-end.ts';
import { PlaybackTimestamps } from '../audio/playback-timestamps.ts';
import { Uplink } from '../audio/uplink.ts';
import { EnergyVoiceDetector } from '../audio/voice-activity.ts';
import type { Clock } from '../core/clock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { DeviceSettings } from '../machine/context.ts';
import { deviceMachine } from '../machine/device-machine.ts';
import type { DeviceEvent, ListeningMode, TextWay } from '../machine/events.ts';
import { audioPathsFor, isPausing, isQuiet, statusFor } from '../machine/projections.ts';
import type { ControlLink } from '../ports/control-link.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import type { Microphone } from '../ports/microphone.ts';
import type { OpusCodec, OpusEncoderSettings } from '../ports/opus-codec.ts';
import type { TransportFactory } from '../ports/session-transport.ts';
import {
  type AudioCounters,
  type DeviceStatus,
  errorEvent,
  type StatusDisplay,
} from '../ports/status-display.ts';
import type { VoiceDetector } from '../ports/voice-detector.ts';
import type { WakeWordDetector } from '../ports/wake-word-detector.ts';
import { clientMessage } from '../protocol/messages.ts';
import { Announcer, type NoticeOutlet } from './announcer.ts';
import { createChannelLogic } from './channel-actor.ts';
import { createEffects } from './effects.ts';
import { createLinkLogic } from './link-actor.ts';
import { causeOf, Narrator } from './narrator.ts';
import { createProblemReporter, type ReportProblem } from './problem-reporter.ts';
import { createProvisioningActors, type ProvisioningParts } from './provisioning-actors.ts';
import { RejectedPackets } from './rejected-packets.ts';
import { SoundDevices } from './sound-devices.ts';
import { type OpenTools, ToolChannels } from './tool-channel.ts';
import { Wire } from './wire.ts';

export interface DeviceParts {
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
  readonly codec: OpusCodec;
  /** See `DownlinkOptions`. */
  readonly createConcealingDecoder?: DownlinkOptions['createConcealingDecoder'];
  /** Energy against a noise floor unless given. */
  readonly voiceDetector?: VoiceDetector | undefined;
  /** Without one a voice that stands out above the echo interrupts. */
  readonly ownVoice?: OwnVoiceWitness | undefined;
  /** Without one nobody waits for a wake word; `settings.wakeWord` says so, too. */
  readonly wakeWordDetector?: WakeWordDetector | undefined;
  readonly transports: TransportFactory;
  /** Connections for control messages, where the road has them. */
  readonly links?: { createLink(): ControlLink | undefined } | undefined;
  readonly provisioning: Pick<ProvisioningParts, 'provisioning' | 'memory' | 'useAnswer' | 'onFirmware'>;
  readonly display: StatusDisplay;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The tools of this device; without, the server is told of none. */
  readonly openTools?: OpenTools | undefined;
  readonly notices?: NoticeOutlet | undefined;
  /** Told whenever nobody begins or ceases to talk. */
  readonly onQuiet?: ((isQuiet: boolean) => void) | undefined;
  /** The server has answered a text that was sent this way. */
  readonly rememberTextWay?: ((way: TextWay) => void) | undefined;
}

export interface DeviceOptions {
  readonly settings: DeviceSettings;
  readonly encoder: OpusEncoderSettings;
  readonly preRollMs: number;
  /** After so much of its sound an answer counts as heard; 1000 when not given. */
  readonly heardMs?: number;
  readonly volumePercent: number;
  readonly muted: boolean;
  readonly microphoneMuted?: boolean;
  /** The server cancels echo: it is told what was being played while each frame was recorded. */
  readonly serverAec?: boolean;
}

/** How a device ended: stopped by its owner, or the server asked for a restart. */
export type DeviceOutcome = 'stopped' | 'restart';

const countersPeriodMs = 10_000;

/** The speaker: machine, data plane and ports joined. Lives from `start` to `stop`. */
export class Device {
  /** Resolves when the device has ended and everything it started is closed; rejects when it broke. */
  readonly ended: Promise<DeviceOutcome>;
  readonly #parts: DeviceParts;
  readonly #uplink: Uplink;
  readonly #downlink: Downlink;
  readonly #rejected = new RejectedPackets();
  readonly #timestamps: PlaybackTimestamps | undefined;
  readonly #nearEnd: NearEnd;
  readonly #sound: SoundDevices;
  readonly #narrator: Narrator;
  readonly #actor;
  readonly #toolChannels = new ToolChannels();
  readonly #closing = new Set<Promise<void>>();
  #volumePercent: number;
  #muted: boolean;
  #microphoneMuted: boolean;
  #playbackPhase: 'started' | 'drained' | 'flushed' = 'drained';
  #countersTimer: unknown;
  #quiet = false;
  #settle!: { resolve: (outcome: DeviceOutcome) => void; reject: (error: unknown) => void };
  #stopping: Promise<void> | undefined;

  constructor(parts: DeviceParts, options: DeviceOptions) {
    this.#parts = parts;
    this.#volumePercent = options.volumePercent;
    this.#muted = options.muted;
    this.#microphoneMuted = options.microphoneMuted ?? false;
    this.ended = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const report = createProblemReporter(parts.display, parts.logger, parts.clock);
    this.#narrator = new Narrator(parts.display);
    this.#uplink = new Uplink({
      encoder: parts.codec.createEncoder(options.encoder),
      clock: parts.clock,
      preRollMs: options.preRollMs,
      onProblem: report,
    });
    this.#uplink.setMuted(this.#microphoneMuted);
    this.#timestamps = options.serverAec ? new PlaybackTimestamps() : undefined;
    this.#downlink = this.#createDownlink(report, options.heardMs);
    this.#nearEnd = this.#createNearEnd(options.encoder.sampleRateHz);
    this.#uplink.listen((pcm) => this.#nearEnd.push(pcm));
    this.#sound = new SoundDevices({
      microphone: parts.microphone,
      loudspeaker: parts.loudspeaker,
      uplink: this.#uplink,
      downlink: this.#downlink,
      nearEnd: this.#nearEnd,
      clock: parts.clock,
      onMicrophoneFailed: (error) => this.send({ type: 'microphone.failed', error }),
      onLoudspeakerFailed: report,
    });
    this.#actor = this.#createActor(options.settings, report);
  }

  get status(): DeviceStatus {
    return this.#narrator.status;
  }

  get volumePercent(): number {
    return this.#volumePercent;
  }

  get muted(): boolean {
    return this.#muted;
  }

  get listeningMode(): ListeningMode {
    return this.#actor.getSnapshot().context.listeningMode;
  }

  start(): void {
    this.#actor.start();
    if (this.#microphoneMuted) this.#showMicrophoneMute();
    this.#countersTimer = this.#parts.clock.setTimeout(() => this.#reportCounters(), countersPeriodMs);
  }

  /** Anything that happens outside: keys, wake word, finished tools. Ignored once the device has ended. */
  send(event: DeviceEvent): void {
    if (this.#stopping) return;
    const wantsToTalk = event.type === 'talk.toggled' || event.type === 'talk.pressed';
    if (wantsToTalk && this.#microphoneMuted) this.#parts.display.show(errorEvent(microphoneIsMuted()));
    this.#actor.send(event);
  }

  /** Other tools are offered than before: servers are told, and those that do not care are met anew when nobody talks. */
  toolsChanged(): void {
    this.#toolChannels.announceChange();
    this.send({ type: 'tools.changed' });
  }

  setVolume(volumePercent: number): void {
    this.#volumePercent = Math.max(0, Math.min(100, Math.round(volumePercent)));
    this.#applyVolume();
  }

  get microphoneMuted(): boolean {
    return this.#microphoneMuted;
  }

  /** It has ended, or is about to: nothing that is asked of it will happen. */
  get isEnding(): boolean {
    return this.#stopping !== undefined;
  }

  /** Of conversations that begin from now on. */
  get chosenMode(): ListeningMode {
    return this.#actor.getSnapshot().context.settings.listeningMode;
  }

  /** Nothing that the microphone hears reaches the encoder, the wake word or the voice detector. */
  setMicrophoneMuted(muted: boolean): void {
    if (muted === this.#microphoneMuted) return;
    this.#microphoneMuted = muted;
    this.#uplink.setMuted(muted);
    this.#showMicrophoneMute();
  }

  setMuted(muted: boolean): void {
    if (muted !== this.#muted) this.#parts.display.show({ type: 'mute', what: 'loudspeaker', muted });
    this.#muted = muted;
    this.#applyVolume();
  }

  /** Lends each captured frame to one listener: a level meter. */
  tapMicrophone(onFrame: (frame: Int16Array) => void): void {
    this.#uplink.tap(onFrame);
  }

  get counters(): AudioCounters {
    return {
      uplink: this.#uplink.counters,
      downlink: { ...this.#downlink.counters, rejected: this.#rejected.counts },
      jitterDelayMs: this.#downlink.jitterDelayMs,
    };
  }

  /** Hangs up, closes every device and resolves when nothing is left. */
  async stop(outcome: DeviceOutcome = 'stopped'): Promise<void> {
    this.#stopping ??= this.#shutDown();
    await this.#stopping;
    this.#settle.resolve(outcome);
  }

  async #shutDown(): Promise<void> {
    this.#parts.clock.clearTimeout(this.#countersTimer);
    this.#actor.stop();
    await this.#sound.stop();
    this.#parts.wakeWordDetector?.close();
    await Promise.allSettled(this.#closing);
    this.#showCounters();
  }

  #showMicrophoneMute(): void {
    this.#parts.display.show({ type: 'mute', what: 'microphone', muted: this.#microphoneMuted });
  }

  #applyVolume(): void {
    this.#downlink.setVolume(this.#muted ? 0 : this.#volumePercent);
  }

  #createNearEnd(sampleRateHz: number): NearEnd {
    const { clock, display, voiceDetector, wakeWordDetector, ownVoice } = this.#parts;
    const onEdge = (phase: 'started' | 'ended') => {
      display.show({ type: 'speech', phase });
      this.send({ type: `speech.${phase}` });
    };
    return new NearEnd({
      clock,
      voiceDetector: voiceDetector ?? new EnergyVoiceDetector(sampleRateHz),
      wakeWordDetector,
      ownVoice,
      sampleRateHz,
      onSpeechStarted: () => onEdge('started'),
      onSpeechEnded: () => onEdge('ended'),
      onWakeWord: (phrase) => {
        display.show({ type: 'wake', phrase });
        this.send({ type: 'wake.detected', phrase });
      },
    });
  }

  #createDownlink(report: ReportProblem, heardThresholdMs: number | undefined): Downlink {
    const { codec, clock, createConcealingDecoder } = this.#parts;
    return new Downlink({
      codec,
      createConcealingDecoder,
      clock,
      volumePercent: this.#muted ? 0 : this.#volumePercent,
      onProblem: report,
      timestamps: this.#timestamps,
      ...(heardThresholdMs !== undefined && { heardThresholdMs }),
      edges: {
        onStarted: () => {
          this.#narrator.noteSound();
          this.#showPlayback('started');
          this.send({ type: 'playback.started' });
        },
        onStarved: () => this.send({ type: 'playback.starved' }),
        onHeard: () => this.send({ type: 'playback.heard' }),
        onDrained: () => {
          this.#showPlayback('drained');
          this.send({ type: 'playback.drained' });
        },
        onFlushed: () => this.#showPlayback('flushed'),
      },
    });
  }

  /** A gap within an answer is no second start for people. */
  #showPlayback(phase: 'started' | 'drained' | 'flushed'): void {
    if (phase === this.#playbackPhase) return;
    this.#playbackPhase = phase;
    this.#parts.display.show({ type: 'playback', phase });
  }

  #createActor(settings: DeviceSettings, report: ReportProblem) {
    const { transports, links, provisioning, display, clock, logger, openTools, notices } = this.#parts;
    const wire = new Wire(() => this.send({ type: 'channel.failed', error: sendFailed() }));
    const messages = {
      wire,
      display,
      report,
      logger,
      openTools: openTools && this.#toolChannels.following(openTools),
      onClosing: (closed: Promise<void>) => {
        this.#closing.add(closed);
        void closed.finally(() => this.#closing.delete(closed));
      },
    };
    const channel = createChannelLogic({
      ...messages,
      transports,
      uplink: this.#uplink,
      downlink: this.#downlink,
      rejected: this.#rejected,
      timestamps: this.#timestamps,
    });
    const link = createLinkLogic({ ...messages, createLink: () => links?.createLink() });
    const sendText = (text: string, way: TextWay) => {
      if (wire.send(textMessages[way](wire.sessionId, text))) this.#uplink.sendSilence();
    };
    const announcer = new Announcer({ wire, downlink: this.#downlink, display, outlet: notices, sendText });
    const machine = deviceMachine.provide({
      actors: {
        channel: fromCallback(channel),
        link: fromCallback(link),
        ...createProvisioningActors({
          ...provisioning,
          useAnswer: async (answer) => {
            const isElsewhere = await provisioning.useAnswer(answer);
            if (isElsewhere === true) this.send({ type: 'road.changed' });
            return isElsewhere;
          },
          clock,
          logger,
        }),
        recordSending: fromPromise<void, { readonly taskIds: readonly string[] }>(({ input }) =>
          announcer.recordSending(input.taskIds),
        ),
      },
      actions: createEffects({
        announcer,
        wire,
        uplink: this.#uplink,
        downlink: this.#downlink,
        display,
        report,
        logger,
        sendText,
        rememberTextWay: (way) => this.#parts.rememberTextWay?.(way),
        compareToolLists: () =>
          this.send({ type: this.#toolChannels.areOutdated ? 'tools.unread' : 'tools.read' }),
      }),
    });
    const actor = createActor(machine, {
      input: settings,
      clock,
      inspect: (inspection) => {
        if (inspection.type !== '@xstate.snapshot' || inspection.actorRef !== actor) return;
        const now = actor.getSnapshot();
        this.#narrator.enter(statusFor(now), causeOf(inspection.event.type), isPausing(now));
      },
    });
    actor.subscribe({
      next: (snapshot) => {
        const paths = audioPathsFor(snapshot);
        this.#uplink.setGate(paths.uplink);
        this.#downlink.setGate(paths.downlink);
        this.#nearEnd.attend(paths);
        this.#sound.follow(paths);
        this.#tellQuiet(isQuiet(snapshot));
      },
      complete: () => {
        // `stop` completes it too; only a final state is a wish to start anew.
        if (actor.getSnapshot().status === 'done') void this.stop('restart');
      },
      error: (error) => {
        logger.error('The device machine broke', { cause: error });
        void this.#breakDown(error);
      },
    });
    return actor;
  }

  #tellQuiet(quiet: boolean): void {
    if (quiet === this.#quiet) return;
    this.#quiet = quiet;
    this.#parts.onQuiet?.(quiet);
  }

  async #breakDown(error: unknown): Promise<void> {
    this.#stopping ??= this.#shutDown();
    await this.#stopping;
    this.#settle.reject(error);
  }

  #reportCounters(): void {
    this.#showCounters();
    this.#countersTimer = this.#parts.clock.setTimeout(() => this.#reportCounters(), countersPeriodMs);
  }

  #showCounters(): void {
    this.#parts.display.show({ type: 'audio', ...this.counters });
  }
}

function microphoneIsMuted(): ClientError {
  return new ClientError(
    ErrorCode.audioInputMuted,
    'The microphone is switched off, so nothing you say is heard. "xiaozhi-speaker unmute microphone" switches it on.',
  );
}

const textMessages: Readonly<Record<TextWay, (sessionId: string, text: string) => string>> = {
  detect: clientMessage.listenDetect,
  'listen-text': clientMessage.listenText,
  text: clientMessage.text,
};

const sendFailed = (): ClientError =>
  new ClientError(
    ErrorCode.transportSendFailed,
    'A message could not be sent; the connection to the server is gone.',
    {
      retryable: true,
    },
  );
