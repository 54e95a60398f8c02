// The inside of a process that measures one figure: what to do comes in, what was measured goes out.

/** What the parent wants; see `measure` in bench.mjs. */
export const setup = JSON.parse(process.env.BENCH_SETUP);

export function report(measured) {
  process.send(measured, () => process.exit());
}
