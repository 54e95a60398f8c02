import * as z from 'zod';

/** Section `recordings`. */
export const RecordingsSchema = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Where recordings are kept. Not set: `recordings` in the state directory, `$XDG_STATE_HOME/xiaozhi-speaker/recordings`.',
      ),
    format: z.enum(['wav', 'ogg']).default('wav').describe('`wav`: uncompressed · `ogg`: Opus, 32 kbit/s.'),
    maxMinutes: z
      .number()
      .positive()
      .max(600)
      .default(60)
      .describe('Longest recording; it ends by itself then.'),
    maxFiles: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Recordings that are kept; with so many, none is begun. None is ever deleted.'),
    maxTotalMegabytes: z
      .number()
      .positive()
      .max(1_000_000)
      .default(1000)
      .describe('All recordings together; when they take as much, they end and none is begun.'),
  })
  .prefault({});
