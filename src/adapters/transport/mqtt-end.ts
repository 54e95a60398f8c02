import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { printableText } from '../../core/printable-text.ts';
import type { ChannelEnd } from '../../ports/session-transport.ts';
import { endOfSocketError } from './websocket-end.ts';

const failed = (error: ClientError): ChannelEnd => ({ normal: false, error, description: error.message });

/** CONNACK return codes of MQTT 3.1.1, table 3.1, and reason codes of MQTT 5, which its brokers send to older clients, too. */
const refusals: Readonly<Record<number, string>> = {
  1: 'it does not speak MQTT 3.1.1',
  2: 'it does not accept the client id',
  4: 'user name or password are wrong',
  5: 'this device may not connect',
  129: 'it does not understand the way this device connects',
  130: 'it does not accept the way this device connects',
  131: 'it does not take devices like this one',
  132: 'it does not speak MQTT 3.1.1',
  133: 'it does not accept the client id',
  134: 'user name or password are wrong',
  135: 'this device may not connect',
  138: 'this device is banned',
  140: 'it wants another way of showing who one is',
  144: 'it does not accept the topic',
  149: 'it takes no packet of this size',
  156: 'another server is to be used',
  157: 'the server has moved',
};

/** The server would let us in, only not now. */
const troubles: Readonly<Record<number, string>> = {
  3: 'it is in trouble',
  128: 'it does not say why',
  136: 'it is in trouble',
  137: 'it is busy',
  151: 'a quota has been used up',
  159: 'there are too many connections at once',
};

/** When something happens to a connection. `connecting`: before CONNACK · `fresh`: right behind it, nothing heard yet. */
export interface MqttMoment {
  readonly stage: 'connecting' | 'fresh' | 'kept';
  readonly host: string;
  /** A session is open on it, or being opened. */
  readonly isTalking: boolean;
}

/** What kept a connection from being made, or broke it later. */
export function endOfMqttError(thrown: unknown, moment: MqttMoment): ChannelEnd {
  const { stage, host, isTalking } = moment;
  const code = (thrown as { code?: unknown } | undefined)?.code;
  if (typeof code === 'number') return endOfConnack(code, host);
  if (stage === 'connecting' && typeof code === 'string') return endOfSocketError(thrown, host, false);
  if (code === 'ECONNRESET' || code === 'EPIPE') return endOfMqttClose(moment);
  if (typeof code === 'string' && isTalking) return endOfSocketError(thrown, host, true);
  if (typeof code === 'string') return lostInIdle(host, messageOf(thrown));
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The connection to ${host} broke off: ${messageOf(thrown)}. Check that it is an MQTT server if this goes on.`,
      { retryable: true, cause: thrown },
    ),
  );
}

function endOfConnack(code: number, host: string): ChannelEnd {
  const trouble = troubles[code];
  if (trouble !== undefined) {
    return failed(
      new ClientError(
        ErrorCode.transportUnreachable,
        `The server ${host} does not take connections now: ${trouble} (MQTT code ${code}). It is tried again; if it is yours, look at its log.`,
        { retryable: true },
      ),
    );
  }
  const why = refusals[code];
  if (why !== undefined) return refused(host, `${why} (MQTT code ${code})`, false);
  return refused(host, `it gives MQTT code ${code}`, false);
}

/** The connection is gone without an error. Gateways accept everybody first and hang up on strangers then (servers.md 3.1). */
export function endOfMqttClose({ stage, host, isTalking }: MqttMoment): ChannelEnd {
  if (stage === 'fresh') return refused(host, 'it hung up right after the connection was made', true);
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
  if (!isTalking) return lostInIdle(host, 'the server closed it');
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The conversation with ${host} broke off: the connection was lost.`,
      { retryable: true },
    ),
  );
}

function lostInIdle(host: string, why: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The connection to ${host} was lost while nobody talked (${why}); it is made anew.`,
      { retryable: true },
    ),
  );
}

/** The connection has been made and lost again and again, as happens when two devices are one to the server. */
export function endOfSharedIdentity(host: string, clientId: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.identityInUse,
      `The server ${host} has closed the connection of this device several times in a row, right after it was made. Most likely a second device uses the same identity (client id ${printableText(clientId, 100)}) and each pushes the other out. Stop one of them, or give it an identity of its own: start it with --set paths.state=DIR for a directory of its own, or set identity.deviceId. Meanwhile this one comes back less and less often.`,
      { retryable: true },
    ),
  );
}

/** There is nothing to say anything to. */
export function endOfNoTopic(host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportRefused,
      `The server ${host} cannot be spoken to: the OTA answer names no publish_topic. Set mqtt.publish_topic in the settings of the server; most use device-server.`,
    ),
  );
}

export function endOfUnsentHello(host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportSendFailed,
      `The server ${host} takes nothing of what it is sent. It is tried again on a new connection.`,
      { retryable: true },
    ),
  );
}

export function subscriptionRefused(topic: string, cause: unknown): ClientError {
  return new ClientError(
    ErrorCode.transportRefused,
    `The server does not let this device listen to the topic ${printableText(topic, 100)}. Without it nothing may be heard: correct mqtt.subscribe_topic in what the OTA server answers, or server.mqtt.subscribeTopic.`,
    { cause },
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

/** No way to the address that the server names for audio, or none any more. */
export function endOfUdpFailure(thrown: unknown, host: string): ChannelEnd {
  return endOfSocketError(thrown, `${host} for audio (udp.server in the hello of the server)`, false);
}

/** The server speaks, and nothing of it arrives. */
export function silentAudioProblem(host: string, port: number): ClientError {
  return new ClientError(
    ErrorCode.transportNoAudio,
    `No sound of the answer has arrived. The server sends it by UDP from ${host}, port ${port}, and nothing comes through. Let UDP to and from that port pass (firewall, router; with docker: -p ${port}:${port}/udp), or start with --transport websocket.`,
  );
}
