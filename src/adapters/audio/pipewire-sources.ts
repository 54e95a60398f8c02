import { execFile } from 'node:child_process';
import { findProgram } from './find-program.ts';

/** A microphone of PipeWire. */
export interface PipeWireSource {
  readonly name: string;
  readonly channels: number;
  /** What each channel is, in its own words (`FL`, `AUX0`); empty where it does not say. */
  readonly positions: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;
type Json = Readonly<Record<string, unknown>>;

const timeoutMs = 3_000;
const maxAnswerBytes = 16 * 1024 * 1024;

/** The microphone of this name, or whose name or description has this part, or the default one. Never rejects. */
export async function findPipeWireSource(
  wanted: string | undefined,
  env: Env,
): Promise<PipeWireSource | undefined> {
  const text = await dump(env);
  try {
    return text === undefined ? undefined : chooseSource(JSON.parse(text) as unknown, wanted);
  } catch {
    return undefined;
  }
}

function dump(env: Env): Promise<string | undefined> {
  const program = findProgram('pw-dump', env.PATH);
  if (program === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const options = { env, timeout: timeoutMs, maxBuffer: maxAnswerBytes };
    execFile(program, [], options, (error, stdout) => resolve(error ? undefined : stdout));
  });
}

/** @param objects all that `pw-dump` tells */
export function chooseSource(objects: unknown, wanted: string | undefined): PipeWireSource | undefined {
  const all = Array.isArray(objects) ? objects.map(objectOf) : [];
  const nodes = all
    .filter(({ type }) => type === 'PipeWire:Interface:Node')
    .map(({ info }) => objectOf(info))
    .filter(({ props }) => String(objectOf(props)['media.class']).startsWith('Audio/Source'));
  const propsOf = (node: Json) => objectOf(node.props);
  const name = wanted ?? defaultSource(all);
  const part = name?.toLowerCase() ?? '';
  const found =
    nodes.find((node) => propsOf(node)['node.name'] === name) ??
    (name === undefined
      ? nodes[0]
      : nodes.find((node) =>
          `${propsOf(node)['node.name']}\n${propsOf(node)['node.description']}`.toLowerCase().includes(part),
        ));
  return found && sourceOf(found);
}

function defaultSource(objects: readonly Json[]): string | undefined {
  const entries = objects
    .filter(({ type }) => type === 'PipeWire:Interface:Metadata')
    .flatMap(({ metadata }) => (Array.isArray(metadata) ? metadata.map(objectOf) : []));
  const { name } = objectOf(entries.find(({ key }) => key === 'default.audio.source')?.value);
  return typeof name === 'string' ? name : undefined;
}

function sourceOf(node: Json): PipeWireSource {
  const props = objectOf(node.props);
  const params = objectOf(node.params);
  const formats = [
    ...listOf(params.PortConfig).map(({ format }) => objectOf(format)),
    ...listOf(params.Format),
    ...listOf(params.EnumFormat),
    { channels: Number(props['audio.channels']) },
  ];
  const format = objectOf(formats.find(({ channels }) => isCount(channels)));
  const channels = isCount(format.channels) ? format.channels : 1;
  const positions = Array.isArray(format.position) ? format.position.map(String) : [];
  const usable = positions.length === channels && positions.every((one) => /^[A-Z\d]+$/.test(one));
  return { name: String(props['node.name']), channels, positions: usable ? positions : [] };
}

const maxChannels = 32;
const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= maxChannels;
const objectOf = (value: unknown): Json => (typeof value === 'object' && value !== null ? value : {}) as Json;
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.map(objectOf) : []);
