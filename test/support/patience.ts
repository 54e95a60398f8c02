/** How many times slower than usual this machine computes (`test/machine-speed.ts`); waits for what must come take so much longer. */
export const patience = Number(process.env.TEST_PATIENCE ?? 1);
