import { createHmac } from 'node:crypto';
import type { SystemFacts } from './system-facts.ts';

/** Who asks. */
export interface OtaDevice {
  /** MAC address, lower case with colons. */
  readonly deviceId: string;
  readonly clientId: string;
  readonly serialNumber?: string | undefined;
  /** 64 hexadecimal digits. */
  readonly hmacKey?: string | undefined;
  readonly boardType: string;
  readonly boardName: string;
  /** `en-US`, `zh-CN`. */
  readonly language: string;
  /** Version of this program, dotted numbers. */
  readonly version: string;
}

/** Firmware A12. A serial number selects activation version 2. */
export function otaHeaders(device: OtaDevice): Record<string, string> {
  return {
    'Activation-Version': device.serialNumber === undefined ? '1' : '2',
    'Device-Id': device.deviceId,
    'Client-Id': device.clientId,
    ...(device.serialNumber === undefined ? {} : { 'Serial-Number': device.serialNumber }),
    'User-Agent': `${device.boardName}/${device.version}`,
    'Accept-Language': device.language,
    'Content-Type': 'application/json',
  };
}

/** Servers read sizes into 32 bits, which hold those of any board, and refuse the whole request otherwise. */
const maxServerInteger = 2 ** 31 - 1;

/** Firmware A14, A15, with the values of this computer where the ESP32 has its own. */
export function checkBody(device: OtaDevice, facts: SystemFacts): string {
  return JSON.stringify({
    version: 2,
    language: device.language,
    flash_size: Math.min(facts.storageBytes, maxServerInteger),
    // Servers know this member as text.
    minimum_free_heap_size: String(Math.min(facts.freeMemoryBytes, maxServerInteger)),
    mac_address: device.deviceId,
    uuid: device.clientId,
    chip_model_name: facts.chipModel,
    chip_info: { model: 0, cores: facts.cores, revision: 0, features: 0 },
    application: {
      name: 'xiaozhi',
      version: device.version,
      compile_time: compileTime(facts.program.builtAt),
      idf_version: process.version,
      elf_sha256: facts.program.sha256,
    },
    partition_table: [],
    ota: { label: 'app' },
    display: { monochrome: false, width: 0, height: 0 },
    board: board(device, facts),
  });
}

function board({ boardType, boardName, deviceId }: OtaDevice, { network }: SystemFacts) {
  const common = { type: boardType, name: boardName, manufacturer: 'linux' };
  const wired = network?.wireless ? {} : { network: 'ethernet' };
  return { ...common, ...wired, ...(network && { ip: network.ip }), mac: deviceId };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Aug  8 2026T08:33:45Z`: the C compiler's date, day padded with a space, and time. */
export function compileTime(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, ' ');
  const time = date.toISOString().slice(11, 19);
  return `${MONTHS[date.getUTCMonth()]} ${day} ${date.getUTCFullYear()}T${time}Z`;
}

/** `<ota url>/activate` (firmware A44); a query stays where it was. */
export function activateUrl(otaUrl: string): string {
  const url = new URL(otaUrl);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/activate`;
  return url.href;
}

/** Firmware A45 and A46; `wrapped` adds the `Payload` that some servers want (I21). */
export function activateBody(device: OtaDevice, challenge: string, wrapped: boolean): string {
  if (device.serialNumber === undefined) return '{}';
  const payload = {
    algorithm: 'hmac-sha256',
    serial_number: device.serialNumber,
    challenge,
    hmac: device.hmacKey === undefined ? '' : challengeHmac(device.hmacKey, challenge),
  };
  return JSON.stringify(wrapped ? { Payload: payload } : payload);
}

function challengeHmac(keyHex: string, challenge: string): string {
  return createHmac('sha256', Buffer.from(keyHex, 'hex')).update(challenge, 'utf8').digest('hex');
}
