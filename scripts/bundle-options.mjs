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

/** How TypeScript becomes files that Node runs: the same for dist/ and for what `npm run bench` measures. */
export const bundleOptions = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  // Native packages find their own files beside themselves; optional ones may be absent.
  external: ['@discordjs/opus', 'naudiodon', 'speaker', 'node-record-lpcm16', 'bufferutil', 'utf-8-validate'],
  // The MCP SDK brings a second schema validator that is never used here: a quarter of its size and loading time.
  alias: {
    '@modelcontextprotocol/client/_shims':
      './node_modules/@modelcontextprotocol/client/dist/shimsBrowser.mjs',
    '@modelcontextprotocol/server/_shims':
      './node_modules/@modelcontextprotocol/server/dist/shimsBrowser.mjs',
  },
  plugins: [englishOnly],
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
