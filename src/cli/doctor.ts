import { type LoadedConfig, loadConfig, stateDirectory } from '../config/load.ts';
import { type RunOptions, runOptionOverrides } from '../config/options.ts';
import { ConfigSchema } from '../config/schema.ts';
import { sectionFindings } from '../config/section-faults.ts';
import { messageOf } from '../core/errors.ts';
import { type CliContext, type CommandAction, ExitCode } from './context.ts';
import { checkAccessPoints } from './doctor/access-point-checks.ts';
import { type Finding, fault, findingLines, note, ok } from './doctor/finding.ts';
import { checkLoop } from './doctor/loop-check.ts';
import { checkNetwork } from './doctor/network-checks.ts';
import { checkProgram } from './doctor/program-checks.ts';
import { checkSound } from './doctor/sound-checks.ts';
import { checkState } from './doctor/state-checks.ts';
import { checkVoice } from './doctor/voice-checks.ts';

/** Options of `doctor`: those of `run`, so that one can ask whether they would work. */
export interface DoctorOptions extends RunOptions {
  /** Play a sweep and record it: not by itself, because it is heard. */
  readonly sound?: boolean;
}

/** Reports what works, what is missing and what to do about it. Exit 1 when the device could not run. */
export const doctorAction: CommandAction<DoctorOptions> = async (options, context) => {
  const findings: Finding[] = [];
  for await (const found of examine(options, context)) {
    // Ctrl-C also ends what was being asked whether it works; that is no finding.
    if (context.stop.aborted) return ExitCode.failed;
    findings.push(...found);
    context.stdout.write(found.map(findingLines).join(''));
  }
  const faults = findings.filter(({ level }) => level === 'fault').length;
  context.stdout.write(`\n${verdict(faults)}\n`);
  return faults === 0 ? ExitCode.done : ExitCode.failed;
};

async function* examine(options: DoctorOptions, { env, stop }: CliContext): AsyncGenerator<Finding[]> {
  yield await checkProgram();
  const { findings, config } = await readConfiguration(options, env);
  yield findings;
  yield await checkState(stateDirectory(config, env));
  yield await checkSound(config, env);
  yield await checkVoice(config);
  if (options.sound) yield await checkLoop(config, env, stop);
  yield await checkNetwork(config, env, stop);
  yield await checkAccessPoints(config, stateDirectory(config, env));
}

const configuration = 'Configuration';

/** A broken configuration is a finding; the rest is examined with the defaults then. */
async function readConfiguration(
  options: DoctorOptions,
  env: CliContext['env'],
): Promise<{ findings: Finding[]; config: LoadedConfig['config'] }> {
  try {
    const overrides = runOptionOverrides(options);
    const { config, file, warnings } = await loadConfig({ configFile: options.config, overrides, env });
    const sections = sectionFindings(config, env);
    const findings = [
      ok(configuration, file ?? 'no file, which is fine'),
      ...leftOut(sections.faults),
      ...passedOver([...warnings, ...sections.warnings]),
    ];
    return { findings, config };
  } catch (error) {
    const finding = fault(configuration, messageOf(error), 'Until then the defaults are examined below.');
    return { findings: [finding], config: ConfigSchema.parse({}) };
  }
}

/** The device runs without what is damaged. */
function leftOut(faults: readonly string[]): Finding[] {
  if (faults.length === 0) return [];
  const text = ['These entries are not right and are left out, the rest works:', ...faults].join('\n');
  return [note(configuration, text, 'config/README.md and the pages it names explain every key.')];
}

function passedOver(warnings: readonly string[]): Finding[] {
  if (warnings.length === 0) return [];
  const text = ['These keys are of other programs and are passed over:', ...warnings].join('\n');
  return [note(configuration, text, 'Nothing has to be done; a key of ours may be among them, misspelt.')];
}

function verdict(faults: number): string {
  if (faults === 0) return 'The device can run.';
  return `The device cannot run: ${faults === 1 ? 'one thing is' : `${faults} things are`} in the way (✗).`;
}
