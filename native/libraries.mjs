// Which system libraries the add-on can be built with, by pkg-config. `binding.gyp` runs this file as a program
// (`node libraries.mjs <question>`), `scripts/build-native.mjs` imports it to say what is missing.
import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';

/** pkg-config modules, the best first; `engine` selects the source file. */
const webrtcVersions = [
  { engine: 'webrtc', module: 'webrtc-audio-processing-2' },
  { engine: 'webrtc', module: 'webrtc-audio-processing-1' },
  { engine: 'webrtc-legacy', module: 'webrtc-audio-processing' },
];

function pkgConfig(...args) {
  try {
    return execFileSync('pkg-config', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/**
 * What was found; a module that is undefined is missing.
 * XIAOZHI_NATIVE_WITHOUT names modules, separated by commas, that are to be taken for missing.
 */
export function findLibraries(without = (process.env.XIAOZHI_NATIVE_WITHOUT ?? '').split(',')) {
  const isFound = (module) => !without.includes(module) && pkgConfig('--exists', module) !== undefined;
  const find = (module) => (isFound(module) ? module : undefined);
  const webrtc = webrtcVersions.find(({ module }) => isFound(module));
  return {
    pkgConfig: pkgConfig('--version') !== undefined,
    engine: webrtc?.engine ?? (isFound('speexdsp') ? 'speex' : 'none'),
    webrtc: webrtc?.module,
    speex: find('speexdsp'),
    opus: find('opus'),
  };
}

function answer(question) {
  const { engine, webrtc, speex, opus } = findLibraries();
  const named = (modules) => modules.filter((module) => module !== undefined);
  const flags = (option) => {
    const modules = named([webrtc, speex, opus]);
    return modules.length === 0 ? '' : (pkgConfig(option, ...modules) ?? '');
  };
  switch (question) {
    case 'engine':
      return engine;
    case 'echo-library':
      return named([webrtc, speex])
        .map((module) => `${module} ${pkgConfig('--modversion', module)}`)
        .join(' and ');
    case 'speex':
      return speex ? 'yes' : 'no';
    case 'opus':
      return opus ? 'yes' : 'no';
    case 'cflags':
      return flags('--cflags');
    case 'libraries':
      return flags('--libs');
    default:
      throw new Error(`Unknown question ${question}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.stdout.write(answer(process.argv[2]));
