import { ClientError, ErrorCode } from '../../core/errors.ts';

export interface MqttAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** For people. */
  readonly label: string;
}

const tlsPort = 8_883;
const plainPort = 1_883;
const form = /^(?:(mqtts?):\/\/)?(\[[0-9a-f:.]+\]|[^\s:/[\]@]+)(?::(\d{1,5}))?\/?$/iu;

/**
 * Reads `host[:port]` as servers give it (firmware D1: port 8883 unless given, TLS exactly there), and `mqtt://` (port
 * 1883) or `mqtts://` (always TLS) URLs as people write them.
 * @throws ClientError TRANSPORT_UNREACHABLE when it is neither
 */
export function parseMqttEndpoint(endpoint: string): MqttAddress {
  const [, scheme, host, portText] = form.exec(endpoint.trim()) ?? [];
  const port = Number(portText ?? (scheme?.toLowerCase() === 'mqtt' ? plainPort : tlsPort));
  if (host === undefined || port < 1 || port > 65_535) {
    throw new ClientError(
      ErrorCode.transportUnreachable,
      'The address of the MQTT server is not host:port. Check server.url or what the OTA server answers.',
    );
  }
  const tls = port === tlsPort || scheme?.toLowerCase() === 'mqtts';
  return { host: host.replace(/^\[|\]$/gu, ''), port, tls, label: `${host}:${port}` };
}
