import * as z from 'zod';
import { AnnouncementsSchema, TasksSchema } from './announcements.ts';
import { commandWords } from './command-words.ts';
import { ControlSchema } from './control.ts';
import { deviceIdFault, normaliseDeviceId } from './device-id.ts';
import { RecordingsSchema } from './recordings.ts';
import { parseServerAddress, SERVER_ADDRESS_FORMS } from './server-address.ts';

const HOUR_MS = 3_600_000;

// The message of a pattern or refinement completes the sentence "allowed is …".

const durationMs = (smallest: number) => z.int().min(smallest).max(HOUR_MS);

/** HTTP header values; anything else would be refused by Node when the request is made. */
const headerText = z.string().regex(/^[\x20-\x7e]{1,4096}$/, 'printable ASCII text');

const webSocketUrl = z
  .string()
  .refine((text) => parseServerAddress(text)?.kind === 'websocket', 'a ws:// or wss:// URL');

const deviceId = z
  .string()
  .overwrite(normaliseDeviceId)
  .superRefine((text, context) => {
    const message = deviceIdFault(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

const Recovery = z
  .strictObject({
    firstDelayMs: durationMs(0)
      .default(1000)
      .describe('Wait before the first new attempt; doubles each time.'),
    maxDelayMs: durationMs(0).default(60_000).describe('Longest wait between two attempts.'),
    attempts: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(5)
      .describe('Attempts in a row before the device gives up and waits for the user.'),
    healthyAfterMs: durationMs(0)
      .default(60_000)
      .describe('A connection that lived this long was healthy: counting starts anew.'),
  })
  .prefault({});

const Mqtt = z
  .strictObject({
    clientId: headerText
      .optional()
      .describe(
        'Client id for a broker that is given as `mqtt://`. Not set: made from the device id and client id.',
      ),
    publishTopic: headerText
      .default('device-server')
      .describe('Topic of what the device says, for a broker that is given as `mqtt://`.'),
    subscribeTopic: headerText
      .optional()
      .describe('Topic to subscribe to, for plain brokers. Not set: none, gateways push without.'),
    keepAliveSeconds: z.int().min(1).max(65_535).optional().describe('MQTT keep-alive. Not set: 240.'),
  })
  .prefault({});

const Embedded = z
  .strictObject({
    manner: z
      .enum(['plain', 'python', 'go', 'java'])
      .default('plain')
      .describe(
        'Which real server the embedded one takes after; see src/demo-server/README.md. `plain`: what they agree in.',
      ),
    thinkMs: durationMs(0)
      .default(0)
      .describe('How long the model of the embedded server thinks before it calls a tool or speaks.'),
    textWays: z
      .array(z.enum(['detect', 'listen-text', 'text']))
      .optional()
      .describe(
        'Ways in which the embedded server takes a text. Not set: those of `manner`. `detect`, `listen-text`: `listen` with state `detect` or `text` · `text`: a `{"type":"text"}` message.',
      ),
    spokenCommand: z
      .union([z.string(), z.array(z.string())])
      .optional()
      .describe(
        'What the embedded server understands of the first spoken turns, one after the other, such as `call NAME {}`. It repeats the others.',
      ),
  })
  .prefault({});

const Server = z
  .strictObject({
    url: z
      .string()
      .refine((text) => parseServerAddress(text) !== undefined, SERVER_ADDRESS_FORMS)
      .default('embedded')
      .describe(
        '`embedded` (the demo server in this process), `cloud` (the official service), an `http(s)://…/ota/` URL, a `ws(s)://` URL or `mqtt(s)://host:port`. `"server": "cloud"` is short for `"server": {"url": "cloud"}`.',
      ),
    textWay: z
      .enum(['auto', 'detect', 'listen-text', 'text'])
      .default('auto')
      .describe(
        'How typed text and notices go to the server. `detect`: as a wake word, which most servers take · `listen-text`: `{"type":"listen","state":"text"}` · `text`: `{"type":"text"}` · `auto`: in this order until one is answered, which is then remembered.',
      ),
    transport: z
      .enum(['auto', 'websocket', 'mqtt'])
      .default('auto')
      .describe('`auto`: what the OTA server says, MQTT when it offers both.'),
    websocketUrl: webSocketUrl
      .optional()
      .describe('WebSocket server to use whatever the OTA server answers.'),
    token: headerText
      .optional()
      .meta({ description: 'Token for the WebSocket server; `Bearer ` is added.', writeOnly: true }),
    protocolVersion: z
      .literal([1, 2, 3])
      .optional()
      .describe('Binary protocol of the WebSocket. Not set: what the OTA server says, else 1.'),
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file with the certificate authority of a server of your own; added to the usual ones.'),
    handshakeTimeoutMs: durationMs(100)
      .default(10_000)
      .describe('Limit for connecting, TLS and WebSocket upgrade included.'),
    helloTimeoutMs: durationMs(100).default(10_000).describe("Limit for the server's hello."),
    pingIntervalMs: durationMs(0).default(30_000).describe('How often the WebSocket is pinged; 0 = never.'),
    idleTimeoutMs: durationMs(0)
      .default(150_000)
      .describe('A connection on which nothing arrives for this long is dead; 0 = never.'),
    wrapActivationPayload: z
      .boolean()
      .default(false)
      .describe('Send the activation request as `{"Payload": …}`, which some servers want.'),
    mqtt: Mqtt,
    recovery: Recovery,
    embedded: Embedded,
  })
  .prefault({});

const Identity = z
  .strictObject({
    deviceId: deviceId
      .optional()
      .describe('MAC address the server knows this device by. Not set: made once and kept.'),
    clientId: z
      .uuidv4('a UUID of version 4')
      .toLowerCase()
      .optional()
      .describe('UUID of this installation. Not set: made once and kept.'),
    serialNumber: z
      .string()
      .regex(/^[\x21-\x7e]{1,64}$/, '1 to 64 ASCII characters without spaces')
      .optional()
      .describe('Serial number of a provisioned device; selects activation version 2.'),
    hmacKey: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, '64 hexadecimal digits')
      .optional()
      .meta({ description: 'Key of a provisioned device, 64 hexadecimal digits.', writeOnly: true }),
    boardType: z
      .string()
      .min(1)
      .max(64)
      .default('xiaozhi-speaker-linux')
      .describe('What kind of device the server is told this is.'),
    boardName: z
      .string()
      .regex(/^[a-z0-9.-]{1,64}$/, '1 to 64 characters of a–z, 0–9, "." and "-"')
      .default('xiaozhi-speaker-linux')
      .describe('Name of the board; first half of the User-Agent.'),
  })
  .prefault({});

const Audio = z
  .strictObject({
    microphone: z
      .string()
      .regex(
        /^(auto|null|(portaudio|record)(:.+)?|wav:.+)$/,
        '"auto", "portaudio", "portaudio:DEVICE", "record", "record:DEVICE", "wav:FILE" or "null"',
      )
      .default('auto')
      .describe('`auto` · `portaudio[:DEVICE]` · `record[:DEVICE]` · `wav:FILE` · `null`; see `devices`.'),
    loudspeaker: z
      .string()
      .regex(
        /^(auto|null|(play|portaudio|speaker)(:.+)?|wav:.+)$/,
        '"auto", "play", "play:DEVICE", "speaker", "speaker:DEVICE", "portaudio", "portaudio:DEVICE", "wav:FILE" or "null"',
      )
      .default('auto')
      .describe(
        '`auto` · `play[:DEVICE]` · `speaker[:DEVICE]` · `portaudio[:DEVICE]` · `wav:FILE` · `null`; see `devices`.',
      ),
    sampleRateHz: z
      .literal([8000, 12_000, 16_000, 24_000, 48_000])
      .default(16_000)
      .describe('Sample rate of the speech that is sent.'),
    frameDurationMs: z
      .literal([10, 20, 40, 60, 80, 100, 120])
      .default(60)
      .describe(
        'Duration of one Opus frame that is sent; servers are made for 60, see src/audio/README.md for 20.',
      ),
    complexity: z
      .int()
      .min(0)
      .max(10)
      .default(0)
      .describe('Effort of the Opus encoder; the ESP32 firmware uses 0.'),
    bitrateBps: z
      .int()
      .min(500)
      .max(512_000)
      .optional()
      .describe('Target of the Opus encoder in bit/s. Not set: Opus chooses.'),
    variableBitrate: z.boolean().default(true).describe('Opus VBR.'),
    discontinuousTransmission: z
      .boolean()
      .default(true)
      .describe('Opus DTX: next to nothing is sent in silence.'),
    playbackSampleRateHz: z
      .literal([8000, 12_000, 16_000, 24_000, 48_000])
      .default(24_000)
      .describe('Sample rate answers are decoded at, whatever the server sends.'),
    volumePercent: z.int().min(0).max(100).default(70).describe('Volume at start.'),
    muted: z.boolean().default(false).describe('Start with the loudspeaker muted.'),
    aec: z
      .enum(['off', 'native', 'system', 'server'])
      .default('off')
      .describe(
        "Who removes the device's own voice from what the microphone hears, so that both may talk at once. `native`: the add-on in native/ · `system`: an echo-cancelling device of PipeWire or PulseAudio, see below · `server`: the server is asked to, and told what was played when; needs MQTT or `server.protocolVersion` 2.",
      ),
    noiseSuppression: z
      .boolean()
      .default(true)
      .describe('Lower steady noise in what the microphone hears. Only with `audio.aec` `native`.'),
    gainControl: z
      .boolean()
      .default(false)
      .describe('Bring speech to an even level. Only with `audio.aec` `native`.'),
    voiceModel: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Silero model file (`silero_vad.onnx`) that tells speech from noise; needs the package `sherpa-onnx-node`. Not set: the detector of native/ where one is needed, else loudness.',
      ),
    channel: z
      .union([z.enum(['mix', 'best']), z.int().min(0).max(31)])
      .optional()
      .describe(
        'Which channel of a microphone with several is heard: a number (0 is the first), `best` (the first that is alive), or `mix` (their mean). Not set: the mean of two, of more the best. With `record` and `portaudio`, of devices that say how many they have.',
      ),
    waitForDevices: z
      .boolean()
      .optional()
      .describe(
        'Start without a microphone or loudspeaker that is not there yet, and take it when it comes. Not set: as a systemd service, and where a sound server should be there and does not answer; else that ends the program with 4.',
      ),
    preRollMs: z
      .int()
      .min(0)
      .max(10_000)
      .default(2000)
      .describe('Sound kept from before a conversation begins and sent first, so that no word is lost.'),
  })
  .prefault({});

const Conversation = z
  .strictObject({
    mode: z
      .enum(['auto', 'manual', 'realtime'])
      .optional()
      .describe(
        '`auto`: the server hears when you have finished · `manual`: you say when · `realtime`: both may talk at once. Not set: `realtime` when echo is cancelled (`audio.aec`), else `auto`.',
      ),
    bargeIn: z
      .boolean()
      .default(true)
      .describe(
        'Your voice interrupts an answer; switched off, the answer only becomes softer while you speak. Only in `realtime` mode with `audio.aec` `native` or `system`.',
      ),
    localEndpointing: z
      .boolean()
      .default(false)
      .describe('In `manual` mode a turn also ends when you fall silent.'),
    start: z.boolean().default(false).describe('Begin listening at once; implied by `conversation.turns`.'),
    say: z
      .union([
        z.array(z.string().min(1).max(10_000)),
        z
          .string()
          .min(1)
          .max(10_000)
          .transform((text) => [text]),
      ])
      .default([])
      .describe('Text turns sent instead of speech, one after the other.'),
    turns: z
      .int()
      .min(1)
      .max(1_000_000_000)
      .optional()
      .describe('Exit after so many finished turns. Not set: go on until told to stop.'),
    timeoutSeconds: z
      .number()
      .positive()
      .max(2_000_000)
      .optional()
      .describe('With `turns`: exit 1 when they are not finished by then.'),
    replyTimeoutMs: durationMs(100)
      .default(60_000)
      .describe(
        'How long the device waits for the first sound of an answer. While the server waits for a tool of this device there is no limit.',
      ),
    soundGapTimeoutMs: durationMs(100)
      .default(20_000)
      .describe('How long an answer may pause before the device goes on without the rest.'),
    resumeWithinMs: durationMs(0)
      .default(5_000)
      .describe(
        'A conversation whose connection was lost listens again by itself within this time; later somebody has to ask for it.',
      ),
    serverMayListen: z
      .boolean()
      .default(false)
      .describe(
        'A server that asks to speak (`speak_request` with `auto_listen`) may open the microphone after its words. Otherwise only a person does.',
      ),
    idleSettleMs: durationMs(0)
      .default(800)
      .describe('How long the device must have been idle before it may announce something.'),
  })
  .prefault({});

const Cues = z
  .strictObject({
    enabled: z
      .boolean()
      .optional()
      .describe(
        'Sounds for who has no screen: ready, microphone open and closed, wake word, errors, the activation code. Not set: where the device has no terminal and no `conversation.turns`. The ring of a timer is switched off only by `false`.',
      ),
    volumePercent: z
      .int()
      .min(0)
      .max(100)
      .default(60)
      .describe('Volume of these sounds, whatever that of answers is.'),
  })
  .prefault({});

const WakeWord = z
  .strictObject({
    modelDirectory: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Directory of a sherpa-onnx keyword model; `scripts/fetch-wakeword-model` fetches one. Not set: no wake word, and the microphone is closed while idle.',
      ),
    keywordsFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The words, spelt in tokens of the model, one per line. Not set: `keywords.txt` beside the model.',
      ),
    thresholdPercent: z
      .int()
      .min(1)
      .max(100)
      .default(25)
      .describe('How sure the detector must be; higher misses more and mistakes less.'),
    uploadAudio: z
      .boolean()
      .default(true)
      .describe(
        'Send the two seconds before and with the wake word ahead of it; servers tell voices apart by them.',
      ),
  })
  .prefault({});

const Display = z
  .strictObject({
    language: z
      .enum(['auto', 'en', 'zh-CN'])
      .default('auto')
      .describe('Language of the device; `auto`: that of the environment (LC_ALL, LC_MESSAGES, LANG).'),
  })
  .prefault({});

const Log = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('Least important lines that are still logged.'),
    format: z
      .enum(['auto', 'pretty', 'json'])
      .default('auto')
      .describe('`auto`: `pretty` on a terminal, else `json`.'),
    private: z.boolean().default(false).describe('Log what was said, too.'),
    events: z
      .string()
      .min(1)
      .optional()
      .describe('File for newline-delimited JSON events; `-` is standard output.'),
  })
  .prefault({});

const Paths = z
  .strictObject({
    state: z
      .string()
      .min(1)
      .optional()
      .describe('Directory for identity and tasks. Not set: `$XDG_STATE_HOME/xiaozhi-speaker`.'),
    cache: z
      .string()
      .min(1)
      .optional()
      .describe('Directory for what can be fetched again. Not set: `$XDG_CACHE_HOME/xiaozhi-speaker`.'),
  })
  .prefault({});

const Demo = z
  .strictObject({
    port: z
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .describe('Port of the embedded demo server; 0 = any free one.'),
    host: z.string().min(1).default('127.0.0.1').describe('Address the embedded demo server listens on.'),
    activation: z.boolean().default(false).describe('Demo server asks new devices to activate themselves.'),
    script: z.string().min(1).optional().describe('JSON file with the conversation the demo server plays.'),
    impair: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A bad network between demo server and device, `loss=5%,jitter=40ms,reorder=3%,dup=2%,seed=1`; see src/demo-server/README.md.',
      ),
  })
  .prefault({});

const command = z
  .string()
  .refine(
    (line) => commandWords(line) !== undefined,
    'a program and its words, without pipes and redirections',
  );

const DeviceSection = z
  .strictObject({
    cameraCommand: command
      .optional()
      .describe(
        'Program that writes one JPEG to its standard output, `rpicam-jpeg -n -o -`; with it the model can take photos. Never given to a shell; finds `PATH`, `HOME` and the like in its environment, not the rest.',
      ),
    rebootCommand: command
      .optional()
      .describe(
        'What `self.reboot` runs, `systemctl reboot`. Not set: only this program restarts. Never given to a shell.',
      ),
  })
  .prefault({});

/** Sections whose shape is settled by the parts that read them. */
const later = {
  mcp: z.unknown().optional().describe('Tools of this device.'),
  mcpServers: z.unknown().optional().describe('MCP servers whose tools this device offers.'),
  mcpServerConfig: z
    .unknown()
    .optional()
    .describe('Switches and descriptions for tools of mounted MCP servers.'),
  customMCP: z.unknown().optional().describe('Custom MCP tools.'),
  mcpEndpoint: z.unknown().optional().describe('MCP access point URL, or several.'),
  tunnels: z.unknown().optional().describe('Tunnels.'),
};

/**
 * Every setting, with its unit in its name, its default and a description; the only place where they are defined.
 * Unknown keys are errors.
 */
export const ConfigSchema = z.strictObject({
  $schema: z.string().optional().describe('For editors; ignored.'),
  server: Server,
  identity: Identity,
  audio: Audio,
  conversation: Conversation,
  cues: Cues,
  wakeWord: WakeWord,
  display: Display,
  log: Log,
  paths: Paths,
  demo: Demo,
  device: DeviceSection,
  tasks: TasksSchema,
  announcements: AnnouncementsSchema,
  control: ControlSchema,
  recordings: RecordingsSchema,
  ...later,
});

/** The effective configuration, complete and checked. */
export type Config = z.output<typeof ConfigSchema>;
