import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { ControlPowers } from '../../ports/control-api.ts';
import { maxSaidCharacters } from '../../ports/verbs.ts';
import { answers, jsonBody } from './route-parts.ts';
import { Device } from './schemas.ts';

const TalkRequest = z
  .strictObject({ action: z.enum(['press', 'release', 'toggle']).default('toggle') })
  .openapi('TalkRequest');
const SayRequest = z
  .strictObject({
    text: z.string().trim().min(1).max(maxSaidCharacters),
    as: z.enum(['user', 'notice']).default('user').openapi({
      description: '`user`: asked as if the person had said it. `notice`: spoken when nobody talks.',
    }),
  })
  .openapi('SayRequest');
const VolumeRequest = z.strictObject({ percent: z.int().min(0).max(100) }).openapi('VolumeRequest');
const MuteRequest = z
  .strictObject({ what: z.enum(['loudspeaker', 'microphone']).default('loudspeaker'), muted: z.boolean() })
  .openapi('MuteRequest');
const ModeRequest = z.strictObject({ mode: z.enum(['auto', 'manual', 'realtime']) }).openapi('ModeRequest');

const verb = <Schema extends z.ZodType>(path: string, summary: string, body: Schema) =>
  createRoute({
    method: 'post',
    path,
    summary,
    request: jsonBody(body),
    responses: answers(Device, 'The device after it'),
  });
const bare = (path: string, summary: string) =>
  createRoute({ method: 'post', path, summary, responses: answers(Device, 'The device after it') });

const talk = verb('/v1/talk', 'Press, let go or toggle the talk key', TalkRequest);
const say = verb('/v1/say', 'Ask a text, or have it spoken', SayRequest);
const volume = verb('/v1/volume', 'Set the volume', VolumeRequest);
const mute = verb('/v1/mute', 'Switch loudspeaker or microphone off and on', MuteRequest);
const mode = verb('/v1/mode', 'How the next conversation listens', ModeRequest);
const interrupt = bare('/v1/interrupt', 'Stop what is being said');
const hangup = bare('/v1/hangup', 'End the conversation');

/** What a button, a lamp or a program wants of the device; each answers with the state after it. */
export function addVerbRoutes(app: OpenAPIHono, { verbs, status }: ControlPowers): void {
  const perform = async (...asked: Parameters<typeof verbs.perform>) => {
    await verbs.perform(...asked);
    return status();
  };
  app.openapi(talk, async (c) => c.json(await perform({ verb: 'talk', ...c.req.valid('json') }), 200));
  app.openapi(say, async (c) => c.json(await perform({ verb: 'say', ...c.req.valid('json') }), 200));
  app.openapi(volume, async (c) => c.json(await perform({ verb: 'volume', ...c.req.valid('json') }), 200));
  app.openapi(mute, async (c) => c.json(await perform({ verb: 'mute', ...c.req.valid('json') }), 200));
  app.openapi(mode, async (c) => c.json(await perform({ verb: 'mode', ...c.req.valid('json') }), 200));
  app.openapi(interrupt, async (c) => c.json(await perform({ verb: 'interrupt' }), 200));
  app.openapi(hangup, async (c) => c.json(await perform({ verb: 'hangup' }), 200));
}
