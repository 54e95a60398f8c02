import { z } from 'zod';

const text = z.string().max(100_000);

/**
 * What a device may say (firmware E1–E7), read as loosely as real servers do: more members are ignored, an unknown mode is
 * `auto`. `{"type":"text"}` and `listen` with `text` are text turns of some servers.
 */
const deviceMessage = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('hello'),
    features: z
      .looseObject({ mcp: z.boolean().catch(false), aec: z.boolean().catch(false) })
      .catch({ mcp: false, aec: false }),
    audio_params: z.looseObject({}).optional().catch(undefined),
  }),
  z.looseObject({
    type: z.literal('listen'),
    state: z.enum(['start', 'stop', 'detect', 'text']),
    mode: z.enum(['auto', 'manual', 'realtime']).optional().catch('auto'),
    text: text.catch(''),
  }),
  z.looseObject({ type: z.literal('text'), text }),
  z.looseObject({ type: z.literal('abort') }),
  z.looseObject({ type: z.literal('goodbye') }),
  z.looseObject({ type: z.literal('mcp'), payload: z.unknown() }),
]);

export type DeviceMessage = z.infer<typeof deviceMessage>;

/** Undefined for everything that is no message a device may send: not JSON, no object, unknown type, wrong types. */
export function parseDeviceMessage(json: string): DeviceMessage | undefined {
  return deviceMessage.safeParse(readJson(json)).data;
}

/** Undefined for what is not JSON. */
export function readJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
