import { isPlainObject } from '../config/layers.ts';
import { defaultConfigFile, type LoadedConfig, loadConfig } from '../config/load.ts';
import { type RunOptions, runOptionOverrides } from '../config/options.ts';
import { printable } from '../config/redact.ts';
import { sectionFindings } from '../config/section-faults.ts';
import { configJsonSchema } from '../config/settings.ts';
import { type CommandAction, ExitCode } from './context.ts';

/** Options of `config`: those of `run`, so that one sees what they would do. */
export interface ConfigOptions extends RunOptions {
  /** Print the JSON Schema instead. */
  readonly schema?: boolean;
}

/**
 * Prints the effective configuration, one setting per line with the source of its value; secrets hidden. Entries that a device
 * leaves out because they are damaged are told on standard error, and make it exit 2; what is passed over is told, too.
 */
export const configAction: CommandAction<ConfigOptions> = async (options, { env, stdout, stderr }) => {
  if (options.schema) {
    stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    return ExitCode.done;
  }
  const loaded = await loadConfig({
    configFile: options.config,
    overrides: runOptionOverrides(options),
    env,
  });
  const file = loaded.file ?? `none (${defaultConfigFile(env)} does not exist)`;
  stdout.write(`Configuration file: ${file}\n\n${table([...rows(loaded.config, loaded.sources, [])])}`);
  const { faults, warnings } = sectionFindings(loaded.config, env);
  for (const line of [...faults, ...loaded.warnings, ...warnings]) stderr.write(`${line}\n`);
  return faults.length === 0 ? ExitCode.done : ExitCode.usage;
};

type Row = readonly [path: string, value: string, source: string];

function* rows(value: object, sources: LoadedConfig['sources'], above: readonly string[]): Generator<Row> {
  for (const [key, inner] of Object.entries(value)) {
    const path = [...above, key];
    const dotted = path.join('.');
    const source = sources.get(dotted);
    if (source !== undefined) yield [dotted, JSON.stringify(printable(path, inner)), source];
    else if (isPlainObject(inner)) yield* rows(inner, sources, path);
  }
}

function table(lines: readonly Row[]): string {
  const width = (column: 0 | 1) => Math.min(40, Math.max(...lines.map((line) => line[column].length)));
  const [first, second] = [width(0), width(1)];
  return lines
    .map(([path, value, source]) => `${path.padEnd(first)}  ${value.padEnd(second)}  ${source}\n`)
    .join('');
}
