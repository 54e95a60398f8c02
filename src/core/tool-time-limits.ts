/** How long a call of each mode may take when the configuration does not say, in ms. */
export const defaultToolTimeoutMs = { sync: 20_000, async: 300_000, background: 3_600_000 } as const;
