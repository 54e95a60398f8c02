import { fileURLToPath } from 'node:url';

/** The top of the checkout, with a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Whoever uses all of zod's names gets its messages in fifty languages with them: half of its size at every start. */
const englishOnly = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
      resolveDir: `${root}node_modules/zod/v4/locales`,
    }));
  },
};

/** How TypeScript becomes files that Node runs. */
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  // Native packages find their own files beside themselves; optional ones may be absent; a dictionary is seldom needed.
  external: [
    '@discordjs/opus',
    'naudiodon',
    'speaker',
    'node-record-lpcm16',
    'bufferutil',
    'utf-8-validate',
    'pinyin-pro',
  ],
  // The MCP SDK brings a second schema validator that is never used here: a quarter of its size and loading time.
  alias: {
    '@modelcontextprotocol/client/_shims':
      './node_modules/@modelcontextprotocol/client/dist/shimsBrowser.mjs',
    '@modelcontextprotocol/server/_shims':
      './node_modules/@modelcontextprotocol/server/dist/shimsBrowser.mjs',
  },
  plugins: [englishOnly],
};

/** For what starts the program (src/launch.ts). */
export const launchOptions = {
  ...common,
  format: 'cjs',
  define: { 'import.meta.url': '__moduleUrl' },
  banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
};

/** For the program: a script, of which V8 can keep what it has compiled. Its modules are still run on use only. */
export const programOptions = {
  ...launchOptions,
  // What V8 keeps of a script forgets how to import; what is asked for is there anyway, or can be required.
  supported: { 'dynamic-import': false },
  // As it is read, without a decision about letters.
  charset: 'ascii',
};

/** For what `npm run bench` measures inside. */
export const bundleOptions = {
  ...common,
  splitting: true,
  format: 'esm',
  // What CommonJS packages inside the bundle expect to find.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module';",
      "import { fileURLToPath as __fileURLToPath } from 'node:url';",
      'const require = __createRequire(import.meta.url);',
      'const __filename = __fileURLToPath(import.meta.url);',
    ].join('\n'),
  },
};
