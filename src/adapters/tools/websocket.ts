import { ClientError } from '../../core/errors.ts';
import { words } from '../../core/words.ts';
import type { ToolDefinition, WebSocketTarget } from '../../ports/tool-definition.ts';
import { outputOfAnswer } from './json-rpc.ts';
import { maxAnswerBytes, type RunnerDeps, type ToolRunner } from './runner.ts';
import { createRuns } from './runs.ts';
import { SharedParts } from './shared-parts.ts';
import { createFailureMaker, type FailureMaker } from './tool-failure.ts';
import { LinkError, WebSocketLink } from './websocket-link.ts';

/** By URL and headers. */
const links = new SharedParts<WebSocketLink>();

/** Sends each call as JSON-RPC over a kept connection, which tools with the same URL and headers share. */
export function createWebSocketRunner(
  { name, target }: ToolDefinition<WebSocketTarget>,
  deps: RunnerDeps,
): ToolRunner {
  const { part: link, release } = links.acquire(deps, JSON.stringify([target.url, target.headers]), () => {
    const { url, headers } = target;
    return new WebSocketLink({
      url,
      headers,
      maxMessageBytes: maxAnswerBytes,
      clock: deps.clock,
      logger: deps.logger,
    });
  });
  const { searchParams, password } = new URL(target.url);
  const secrets = [...Object.values(target.headers), ...searchParams.values(), password];
  const failure = createFailureMaker(name, secrets);
  const runs = createRuns(failure);
  return {
    run: (args, { signal }) =>
      runs.track(signal, async (own) => {
        try {
          return outputOfAnswer(await link.call(target.method ?? name, args, own), failure);
        } catch (thrown) {
          if (own.aborted) throw failure.aborted(own);
          throw worded(thrown, failure);
        }
      }),
    dispose: async () => {
      await runs.dispose();
      await release();
    },
  };
}

function worded(thrown: unknown, failure: FailureMaker): ClientError {
  if (thrown instanceof ClientError) return thrown;
  if (!(thrown instanceof LinkError)) return failure.unreachable(thrown);
  switch (thrown.kind) {
    case 'unreachable':
      return failure.unreachable(thrown.cause);
    case 'closed':
      return failure.unreachable(thrown);
    case 'busy':
      return failure.failed(thrown.words);
    case 'not-json':
      return failure.badOutput(words('notJsonRpc', { text: failure.quoted(thrown.message) }));
    case 'too-large':
      return failure.tooLarge(maxAnswerBytes);
  }
}
