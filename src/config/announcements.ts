import * as z from 'zod';

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day as HH:MM');

/** Section `announcements`. */
export const AnnouncementsSchema = z
  .strictObject({
    strategies: z
      .array(z.enum(['detect', 'detect-cue', 'text', 'notification', 'local']))
      .min(1)
      .max(5)
      .default(['detect', 'detect-cue', 'local'])
      .describe(
        'How a finished task is told, tried in this order. `detect`: the notice as text input to the model · `detect-cue`: a short cue, the model then reads the result · `text`: a `{"type":"text"}` message · `notification`: an MCP notification · `local`: chime, screen, and espeak-ng if it is there.',
      ),
    triesPerStrategy: z.int().min(1).max(100).default(2).describe('Failed tries before the next strategy.'),
    firstRetryMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(1600)
      .describe('Wait after the first failed try; doubles each time.'),
    maxRetryMs: z.int().min(0).max(3_600_000).default(60_000).describe('Longest wait between two tries.'),
    language: z
      .enum(['auto', 'en', 'zh-CN'])
      .default('auto')
      .describe('Language of the notices; `auto`: that of the device.'),
    maxSpokenCharacters: z
      .int()
      .min(20)
      .max(1000)
      .default(300)
      .describe('Longest result that is told; the rest can be asked for.'),
    maxCueCharacters: z.int().min(20).max(1000).default(80).describe('Longest text of `detect-cue`.'),
    mailboxCapacity: z
      .int()
      .min(1)
      .max(10_000)
      .default(32)
      .describe('Results that wait in memory to be told; more wait on disk and are told after them.'),
    quietMs: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(3_000)
      .describe(
        'Within a conversation a result is told when nobody has spoken for so long; five thirds of it after a voice that the server did not understand.',
      ),
    heardMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(1_000)
      .describe(
        'A result counts as told when so much of the announcement has been played, or all of a shorter one.',
      ),
    quietHours: z
      .strictObject({
        from: timeOfDay.describe('Begin, local time HH:MM.'),
        to: timeOfDay.describe('End, local time HH:MM; earlier than the begin means the next day.'),
      })
      .refine(({ from, to }) => from !== to, 'two different times')
      .optional()
      .describe('Nothing is announced in these hours; it waits. `{"from": "22:00", "to": "07:00"}`'),
  })
  .prefault({});

/** Section `tasks`. */
export const TasksSchema = z
  .strictObject({
    maxRunning: z.int().min(1).max(64).default(8).describe('Background tasks that may run at once.'),
    maxKept: z
      .int()
      .min(1)
      .max(1000)
      .default(200)
      .describe('Finished tasks that are kept to be asked for; told ones go first.'),
    expireAfterHours: z
      .number()
      .positive()
      .max(8760)
      .default(72)
      .describe('A result that could not be told for this long is given up.'),
  })
  .prefault({});
