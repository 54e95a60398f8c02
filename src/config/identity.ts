import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { ClientError, ErrorCode } from '../core/errors.ts';
import type { MqttEndpoint, ProvisioningAnswer, WebSocketEndpoint } from '../ports/provisioning.ts';
import type { Storage } from '../ports/storage.ts';
import { createDeviceId, deviceIdFault } from './device-id.ts';
import type { Config } from './schema.ts';

/** Who this device is on the wire (firmware A1, A2, A46). */
export interface DeviceIdentity {
  readonly deviceId: string;
  readonly clientId: string;
  readonly serialNumber?: string | undefined;
  /** 64 hexadecimal digits. */
  readonly hmacKey?: string | undefined;
}

/** The part of an OTA answer that lets the device connect when the OTA server is away. */
export type RememberedAnswer = Pick<ProvisioningAnswer, 'websocket' | 'mqtt'>;

/** Identity of this device and the last good OTA answer; both live in the storage record `identity`. */
export interface IdentityStore {
  readonly identity: DeviceIdentity;
  /** What `url` last answered to this device; undefined when it never did. */
  recall(url: string): RememberedAnswer | undefined;
  /**
   * Keeps the endpoints of an answer; an answer without any leaves the older ones alone (firmware A34).
   * @throws ClientError STATE_UNWRITABLE
   */
  remember(url: string, answer: ProvisioningAnswer): Promise<void>;
  /** How the server at `url` takes texts, as far as it was seen. */
  recallTextWay(url: string): TextWay | undefined;
  /** @throws ClientError STATE_UNWRITABLE */
  rememberTextWay(url: string, way: TextWay): Promise<void>;
}

/** See `server.textWay`. */
export type TextWay = z.output<typeof TextWay>;
export const TextWay = z.enum(['detect', 'listen-text', 'text']);

const RECORD = 'identity';

const Remembered = z.object({
  url: z.string(),
  deviceId: z.string(),
  websocket: z
    .object({ url: z.string(), token: z.string(), version: z.int() })
    .optional() satisfies z.ZodType<WebSocketEndpoint | undefined>,
  mqtt: z
    .object({
      endpoint: z.string(),
      clientId: z.string(),
      username: z.string(),
      password: z.string(),
      publishTopic: z.string(),
      subscribeTopic: z.string().optional(),
      keepAliveSeconds: z.number().optional(),
    })
    .optional() satisfies z.ZodType<MqttEndpoint | undefined>,
});

const StoredIdentity = z.looseObject({
  deviceId: z
    .string()
    .refine((text) => deviceIdFault(text) === undefined)
    .optional(),
  clientId: z.uuidv4().optional(),
  serialNumber: z.string().optional(),
  hmacKey: z
    .string()
    .regex(/^[0-9a-f]{64}$/i)
    .optional(),
  lastAnswer: Remembered.optional(),
  textWay: z.object({ url: z.string(), way: TextWay }).optional().catch(undefined),
});

type StoredIdentity = z.output<typeof StoredIdentity>;

/**
 * Reads the stored identity, makes what is missing and keeps it. Configured values win and are not stored.
 * A part that makes no sense is reported to `onProblem` (STATE_DAMAGED) and made anew.
 * @throws ClientError STATE_UNWRITABLE, or CONFIG_INVALID for an HMAC key without a serial number.
 */
export async function openIdentity(
  storage: Storage,
  configured: Config['identity'],
  onProblem: (error: ClientError) => void,
): Promise<IdentityStore> {
  const stored = readable(await storage.get(RECORD), onProblem);
  let record: StoredIdentity = {
    ...stored,
    deviceId: stored.deviceId ?? createDeviceId(),
    clientId: stored.clientId ?? randomUUID(),
  };
  if (stored.deviceId === undefined || stored.clientId === undefined) await storage.set(RECORD, record);
  const identity = effective(record, configured);
  return {
    identity,
    recall: (url) => {
      const { lastAnswer } = record;
      if (lastAnswer?.url !== url || lastAnswer.deviceId !== identity.deviceId) return undefined;
      return { websocket: lastAnswer.websocket, mqtt: lastAnswer.mqtt };
    },
    remember: async (url, { websocket, mqtt }) => {
      if (!websocket && !mqtt) return;
      const lastAnswer = { url, deviceId: identity.deviceId, websocket, mqtt };
      if (JSON.stringify(lastAnswer) === JSON.stringify(record.lastAnswer)) return;
      record = { ...record, lastAnswer };
      await storage.set(RECORD, record);
    },
    recallTextWay: (url) => (record.textWay?.url === url ? record.textWay.way : undefined),
    rememberTextWay: async (url, way) => {
      if (record.textWay?.url === url && record.textWay.way === way) return;
      record = { ...record, textWay: { url, way } };
      await storage.set(RECORD, record);
    },
  };
}

function readable(stored: unknown, onProblem: (error: ClientError) => void): StoredIdentity {
  if (stored === undefined) return {};
  const parsed = StoredIdentity.safeParse(stored);
  if (parsed.success) return parsed.data;
  const bad = new Set(parsed.error.issues.map((issue) => String(issue.path[0] ?? '')));
  onProblem(
    new ClientError(
      ErrorCode.stateDamaged,
      `The stored identity has unusable parts (${[...bad].join(', ') || 'all of it'}); they are made anew, so a server may ask to activate the device again.`,
    ),
  );
  if (bad.has('')) return {};
  const good = Object.entries(stored as object).filter(([key]) => !bad.has(key));
  return StoredIdentity.parse(Object.fromEntries(good));
}

function effective(record: StoredIdentity, configured: Config['identity']): DeviceIdentity {
  const identity = {
    deviceId: configured.deviceId ?? record.deviceId ?? createDeviceId(),
    clientId: configured.clientId ?? record.clientId ?? randomUUID(),
    serialNumber: configured.serialNumber ?? record.serialNumber,
    hmacKey: configured.hmacKey ?? record.hmacKey,
  };
  if (identity.hmacKey !== undefined && identity.serialNumber === undefined)
    throw new ClientError(
      ErrorCode.configInvalid,
      'identity.hmacKey is set but identity.serialNumber is not. A provisioned device has both: add the serial number, or remove the key.',
    );
  return identity;
}
