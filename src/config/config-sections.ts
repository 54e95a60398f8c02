import { readConfigFile } from './config-file.ts';
import { ownSections } from './foreign-sections.ts';
import { merge } from './layers.ts';

/**
 * Some sections of a configuration file, as they stand there: for what follows the file while the device runs. Undefined where
 * there is none, or no file.
 * @throws ClientError as `readConfigFile`
 */
export async function readConfigSections<Name extends string>(
  file: string,
  ...names: readonly Name[]
): Promise<Partial<Record<Name, unknown>>> {
  const { given } = ownSections((await readConfigFile(file)) ?? []);
  const isWanted = (name: string | undefined) => names.some((one) => one === name);
  return merge(given.filter(({ path }) => isWanted(path[0]))).raw as Partial<Record<Name, unknown>>;
}
