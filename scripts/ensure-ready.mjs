// Before `npm test`, `npm run bench` and in CI: installs and builds what is missing. With --again also what could not be had
// at the first installation (`npm run packages`): the faster Opus codec, sound packages.
import { ensureReady } from './readiness.mjs';

ensureReady({ again: process.argv.includes('--again') });
