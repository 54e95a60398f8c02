import packageJson from '../../package.json' with { type: 'json' };

/** Version of this program; the application version that servers are told (firmware A14). */
export const PROGRAM_VERSION: string = packageJson.version;
