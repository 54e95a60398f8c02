/**
 * The barest way to do something every `periodMs`: one timer, no drift. Calls `onTick` with the number of the tick until
 * the returned function is called.
 */
export function startPacedLoop(periodMs, onTick) {
  const startMs = performance.now();
  let tick = 0;
  let timer;
  const arm = () => {
    timer = setTimeout(wake, Math.max(0, startMs + (tick + 1) * periodMs - performance.now()));
  };
  const wake = () => {
    while (startMs + (tick + 1) * periodMs <= performance.now() + 1) {
      tick += 1;
      onTick(tick);
    }
    arm();
  };
  arm();
  return () => clearTimeout(timer);
}
