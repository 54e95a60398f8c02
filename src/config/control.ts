import * as z from 'zod';

/** Longest path of a unix socket on Linux, in bytes. */
export const maxSocketPathBytes = 107;

const socketPath = z
  .string()
  .min(1)
  .refine((path) => Buffer.byteLength(path) <= maxSocketPathBytes, `at most ${maxSocketPathBytes} bytes`);

const hostName = z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'a host name or an address, without a port');

const Tcp = z.strictObject({
  port: z.int().min(0).max(65_535).describe('Port of the control API; 0 = any free one.'),
  host: hostName
    .default('127.0.0.1')
    .describe('Address the control API listens on. Another than loopback lets others in.'),
  token: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, '16 to 512 printable ASCII characters without spaces')
    .meta({ description: 'What callers send as `Authorization: Bearer …`.', writeOnly: true }),
  allowedHosts: z
    .array(hostName)
    .default([])
    .describe('Names besides `localhost` that callers may reach it by; others are refused (DNS rebinding).'),
});

/** The local control API. */
export const ControlSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe(
        'Serve the control API; the `mcp` commands need it. On its unix socket only its owner gets in.',
      ),
    socket: socketPath
      .optional()
      .describe('Path of its unix socket. Not set: `control.sock` in the state directory.'),
    tcp: Tcp.optional(),
  })
  .prefault({});

export type ControlConfig = z.output<typeof ControlSchema>;
