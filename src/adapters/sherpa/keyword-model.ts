import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';

/** The files of a sherpa-onnx keyword model (a streaming transducer). */
export interface KeywordModel {
  readonly encoder: string;
  readonly decoder: string;
  readonly joiner: string;
  readonly tokens: string;
  readonly keywords: string;
}

/**
 * Finds the parts of the model in its directory. Where a part is there twice, the small one (`.int8.onnx`) is taken, except
 * for the decoder, which gains nothing by it.
 * @throws ClientError CONFIG_UNREADABLE
 */
export async function findKeywordModel(directory: string, keywordsFile?: string): Promise<KeywordModel> {
  const names = await namesIn(directory);
  const part = (role: string, prefersSmall: boolean): string => {
    const found = names.filter((name) => name.startsWith(role) && name.endsWith('.onnx')).sort();
    const name = found.find((one) => one.endsWith('.int8.onnx') === prefersSmall) ?? found[0];
    if (name === undefined) throw unusable(directory, `there is no ${role}….onnx in it`);
    return join(directory, name);
  };
  return {
    encoder: part('encoder', true),
    decoder: part('decoder', false),
    joiner: part('joiner', true),
    tokens: join(directory, 'tokens.txt'),
    keywords: keywordsFile ?? join(directory, 'keywords.txt'),
  };
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    throw unusable(directory, messageOf(error));
  }
}

function unusable(directory: string, reason: string): ClientError {
  return new ClientError(
    ErrorCode.configUnreadable,
    `Cannot use the wake word model in ${directory} (${reason}). Fetch one with scripts/fetch-wakeword-model and name its directory in wakeWord.modelDirectory.`,
  );
}
