import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { Camera, VisionService } from '../../ports/device-control.ts';
import type { VisionEndpoint } from '../normalise.ts';
import type { Tool } from '../tool.ts';
import { builtin } from './builtin.ts';

export interface CameraParts {
  readonly camera: Camera;
  readonly vision: VisionService;
  /** From the server's latest `initialize`. */
  readonly endpoint: () => VisionEndpoint | undefined;
}

/** `self.camera.take_photo`: a picture and a question about it go to the server's vision service (firmware G60–G63). */
export function createCameraTool({ camera, vision, endpoint }: CameraParts): Tool {
  return builtin({
    name: 'self.camera.take_photo',
    description:
      'Take a picture with the camera and have it explained. Use it when the user asks what can be seen.\n' +
      'Args:\n  `question`: what the user wants to know about the picture.',
    properties: { question: { type: 'string' } },
    required: ['question'],
    timeoutMs: 60_000,
    maxResultBytes: 8000,
    run: async ({ question }, { signal }) => {
      const { url, token } = endpoint() ?? { url: '', token: '' };
      if (url === '') throw new ClientError(ErrorCode.toolFailed, 'Image explain URL or token is not set');
      const jpeg = await camera.capturePhoto(signal);
      const text = await vision.explain({ url, token, jpeg, question: question as string }, signal);
      // The server's own words may tell the server what to do with them.
      return { kind: 'text', text, verbatim: true };
    },
  });
}
