import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Logger } from '../core/logger.ts';

const maxDevices = 1000;

interface DeviceRecord {
  readonly code: string;
  readonly challenge: string;
  active: boolean;
}

const signedBody = z.object({ serial_number: z.string(), hmac: z.string() });

/** What the device has to show and to prove. */
export interface ActivationOffer {
  readonly code: string;
  readonly message: string;
  readonly challenge: string;
}

export interface ActivationDesk {
  /** What an unknown device has to do, undefined when there is nothing left to do. `host`: where it reaches this server. */
  offer(deviceId: string, host: string): ActivationOffer | undefined;
  /** The device asks whether its person has entered the code. `forged`: it signed with a key that is not ours. */
  ask(deviceId: string, body: unknown): 'activated' | 'pending' | 'forged' | 'unknown';
  /** A person entered a code. False when no device shows it. */
  enter(code: string): boolean;
}

export interface ActivationDeskOptions {
  /** Without it every device is welcome at once. */
  readonly required: boolean;
  /** Checked when a device signs (activation version 2); undefined accepts every signature. */
  readonly hmacKey?: Uint8Array | undefined;
  readonly logger: Logger;
}

/** Remembers which device was bound, up to 1000 of them; the oldest has to activate again. */
export function createActivationDesk({ required, hmacKey, logger }: ActivationDeskOptions): ActivationDesk {
  const devices = new Map<string, DeviceRecord>();

  function remember(deviceId: string): DeviceRecord {
    const oldest = devices.size >= maxDevices ? devices.keys().next().value : undefined;
    if (oldest !== undefined) devices.delete(oldest);
    const record = {
      code: unusedCode(),
      challenge: randomBytes(16).toString('hex'),
      active: false,
    };
    devices.set(deviceId, record);
    return record;
  }

  function unusedCode(): string {
    const used = new Set([...devices.values()].map(({ code }) => code));
    for (;;) {
      const code = String(randomInt(1_000_000)).padStart(6, '0');
      if (!used.has(code)) return code;
    }
  }

  function signatureMatches({ challenge }: DeviceRecord, body: unknown): boolean {
    const signed = signedBody.safeParse(body);
    if (!hmacKey || !signed.success) return true;
    const expected = createHmac('sha256', hmacKey).update(challenge).digest();
    const given = Buffer.from(signed.data.hmac, 'hex');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  return {
    offer(deviceId, host) {
      if (!required) return undefined;
      const { code, challenge, active } = devices.get(deviceId) ?? remember(deviceId);
      if (active) return undefined;
      const enterAt = `http://${host}/activate?code=${code}`;
      logger.info('a device wants to be activated', { deviceId, code, enterAt });
      return {
        code,
        challenge,
        message: `Enter the code ${code} at the demo server: ${enterAt}`,
      };
    },
    ask(deviceId, body) {
      if (!required) return 'activated';
      const record = devices.get(deviceId);
      if (!record) return 'unknown';
      if (!signatureMatches(record, body)) return 'forged';
      return record.active ? 'activated' : 'pending';
    },
    enter(code) {
      for (const [deviceId, record] of devices) {
        if (record.code !== code || record.active) continue;
        record.active = true;
        logger.info('device activated', { deviceId });
        return true;
      }
      return false;
    },
  };
}
