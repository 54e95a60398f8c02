import { stringifyExact } from '../../core/exact-json.ts';
import { words } from '../../core/words.ts';
import type { ToolArguments, ToolOutput } from '../../mcp/tool.ts';
import type { CozeTarget, ToolDefinition } from '../../ports/tool-definition.ts';
import { bodyHeaders, createHttpClient } from './http-client.ts';
import { credentialsOf } from './http-credentials.ts';
import type { HttpReply } from './http-exchange.ts';
import type { RunnerDeps, ToolRunner } from './runner.ts';
import { createRuns } from './runs.ts';
import { createFailureMaker, type FailureMaker } from './tool-failure.ts';
import { outputOf, outputOfValue, textOf } from './tool-output.ts';

/**
 * Runs a workflow at Coze for each call and waits for its end: `POST /v1/workflow/run` with the arguments as parameters,
 * answered by `{code, msg, data}`, where `data` is what the workflow gives out, as JSON in a text.
 */
export function createCozeRunner(
  { name, target }: ToolDefinition<CozeTarget>,
  { env }: RunnerDeps,
): ToolRunner {
  const url = `${target.baseUrl}/v1/workflow/run`;
  const credentials = credentialsOf({ type: 'bearer', token: target.token }, url, env);
  const failure = createFailureMaker(name, credentials.secrets);
  const runs = createRuns(failure);
  const client = createHttpClient(failure);

  const call = async (args: ToolArguments, signal: AbortSignal): Promise<ToolOutput> => {
    if (credentials.missing !== undefined) throw failure.missingVariable(credentials.missing);
    const parameters = { ...args, ...target.parameters };
    const body = stringifyExact({ workflow_id: target.workflowId, parameters }) ?? '';
    const headers = { ...bodyHeaders('application/json', body), ...credentials.headers };
    const reply = await client.send({ url: new URL(url), method: 'POST', headers, body }, signal);
    return outputOfWorkflow(reply, failure);
  };

  return {
    run: (args, { signal }) => runs.track(signal, (own) => call(args, own)),
    dispose: async () => {
      await runs.dispose();
      await client.close();
    },
  };
}

interface WorkflowAnswer {
  readonly code?: unknown;
  readonly msg?: unknown;
  readonly data?: unknown;
}

function outputOfWorkflow({ status, body }: HttpReply, failure: FailureMaker): ToolOutput {
  const answer = outputOf(textOf(body) ?? '');
  const { code, msg, data }: WorkflowAnswer = answer.kind === 'json' ? (answer.value as WorkflowAnswer) : {};
  if (status >= 300 || (code !== 0 && code !== undefined)) {
    const what =
      code === undefined || code === 0
        ? words('httpStatus', { status })
        : words('cozeCode', { code: failure.quoted(String(code)) });
    const said = typeof msg === 'string' ? failure.quoted(msg).replace(/\.$/, '') : '';
    throw failure.failed(
      said === '' ? words('cozeAnswered', { what }) : words('cozeSays', { text: said, what }),
    );
  }
  if (code === undefined) throw failure.badOutput(words('cozeShape'));
  return typeof data === 'string' ? outputOf(data) : outputOfValue(data);
}
