import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { ChannelEnd } from '../../ports/session-transport.ts';
import { endOfSocketError } from './websocket-end.ts';

const failed = (error: ClientError): ChannelEnd => ({ normal: false, error, description: error.message });

/** CONNACK return codes of MQTT 3.1.1, table 3.1. */
const refusals: Readonly<Record<number, string>> = {
  1: 'it does not speak MQTT 3.1.1',
  2: 'it does not accept the client id',
  4: 'user name or password are wrong',
  5: 'this device may not connect',
};

/** CONNACK has not come; it has; the server has said something after it. */
export type MqttStage = 'connecting' | 'accepted' | 'heard';

/** What kept a connection from being made, or broke it later. */
export function endOfMqttError(thrown: unknown, stage: MqttStage, host: string): ChannelEnd {
  const code = (thrown as { code?: unknown } | undefined)?.code;
  if (typeof code === 'number') return endOfConnack(code, host);
  if (typeof code === 'string') return endOfSocketError(thrown, host, stage !== 'connecting');
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The connection to ${host} broke off: ${messageOf(thrown)}. Check that it is an MQTT server if this goes on.`,
      { retryable: true, cause: thrown },
    ),
  );
}

function endOfConnack(code: number, host: string): ChannelEnd {
  if (code === 3) {
    return failed(
      new ClientError(ErrorCode.transportUnreachable, `The server ${host} is in trouble (MQTT code 3).`, {
        retryable: true,
      }),
    );
  }
  const why = refusals[code];
  if (why !== undefined) return refused(host, `${why} (MQTT code ${code})`, false);
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The conversation with ${host} broke off: MQTT error ${code}.`,
      { retryable: true },
    ),
  );
}

/** The connection is gone without an error. Gateways accept everybody first and hang up on strangers then (servers.md 3.1). */
export function endOfMqttClose(stage: MqttStage, host: string): ChannelEnd {
  if (stage === 'accepted') return refused(host, 'it hung up right after the connection was made', true);
  if (stage === 'connecting') {
    return failed(
      new ClientError(
        ErrorCode.transportUnreachable,
        `Cannot connect to ${host}: it closed the connection.`,
        {
          retryable: true,
        },
      ),
    );
  }
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The conversation with ${host} broke off: the connection was lost.`,
      { retryable: true },
    ),
  );
}

export function endOfConnectTimeout(timeoutMs: number, host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportUnreachable,
      `Cannot connect to ${host}: it did not answer within ${timeoutMs / 1000} s.`,
      { retryable: true },
    ),
  );
}

function refused(host: string, said: string, retryable: boolean): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportRefused,
      `The server refused this device: ${said} (${host}). Bind the device to your account again, or check what the OTA server answers.`,
      { retryable },
    ),
  );
}

export function endOfNoHello(timeoutMs: number, host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportTimeout,
      `The server ${host} accepted the connection but said no hello within ${timeoutMs / 1000} s. Check that the address is that of a 小智 server.`,
      { retryable: true },
    ),
  );
}

/** The gateway could not get through to the chat server behind it (firmware D47). */
export function endOfHelloRefused(said: string, host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportRefused,
      `The server ${host} cannot begin a conversation now${said === '' ? '' : `; it said: ${said}`}.`,
      { retryable: true },
    ),
  );
}

/** Late clean-up of the conversation before took this one with it (servers.md 3.4). */
export function endOfEarlyGoodbye(host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The server ${host} ended the conversation right after it began; the next attempt will do.`,
      { retryable: true },
    ),
  );
}

export function endOfSilence(timeoutMs: number, host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportIdle,
      `The server ${host} has said nothing for ${Math.round(timeoutMs / 1000)} s; the conversation was ended.`,
    ),
  );
}

export function endOfUdpFailure(thrown: unknown, host: string): ChannelEnd {
  return endOfSocketError(thrown, `${host} for audio`, false);
}
