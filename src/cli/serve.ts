import { isIP } from 'node:net';
import { createLogger, type LogLevel } from '../adapters/log/console-logger.ts';
import type { Manner } from '../demo-server/behaviour.ts';
import { bundledRecordingPath } from './bundled-recording.ts';
import { type CommandAction, ExitCode } from './context.ts';
import { composeDemoServer } from './demo-server-parts.ts';

/** Options of `serve`, as commander parses them. */
export interface ServeOptions {
  /** 127.0.0.1 unless given: the demo server trusts whoever reaches it. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly activation?: boolean;
  /** The WebSocket needs the token of the OTA answer. */
  readonly auth?: boolean;
  readonly script?: string;
  /** A bad network between the server and its devices. */
  readonly impair?: string;
  /** Which real server it takes after. */
  readonly manner?: Manner;
  /** How long its model thinks, in ms. */
  readonly think?: number;
  /** Ports of MQTT and UDP; any free ones unless given. */
  readonly mqttPort?: number;
  readonly udpPort?: number;
  readonly logLevel: LogLevel;
}

/** Runs the demo server alone, for other devices and for bug reports, until it is told to stop. */
export const serveAction: CommandAction<ServeOptions> = async (options, { stdout, stderr, stop }) => {
  const { logLevel, mqttPort = 0, udpPort = 0, manner, think, ...setup } = options;
  const logger = await createLogger({
    level: logLevel,
    format: stderr.isTTY ? 'pretty' : 'json',
    private: false,
    destination: { write: (line) => stderr.write(line) },
    color: stderr.isTTY,
  });
  if (!isLoopback(options.host))
    logger.warn('the demo server can be reached from other computers', { host: options.host });
  const server = await composeDemoServer(
    {
      ...setup,
      recording: bundledRecordingPath(),
      behaviour: { manner, thinkMs: think },
      mqtt: { port: mqttPort, udpPort },
    },
    logger,
  );
  const { otaUrl, websocketUrl, mqttUrl } = await server.start();
  stdout.write(
    [
      'The demo server is running; end it with Ctrl-C.',
      `  OTA        ${otaUrl}`,
      `  WebSocket  ${websocketUrl}`,
      `  MQTT       ${mqttUrl}`,
      `Connect a device:  npm start -- --server ${otaUrl}`,
      '',
    ].join('\n'),
  );
  await aborted(stop);
  await server.stop();
  return ExitCode.done;
};

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
