/** A promise of at most so much. */
export const atMost = (figure, measured, unit, bound, note) => ({
  figure,
  measured,
  unit,
  bound,
  ok: measured <= bound,
  ...(note && { note }),
});

/** A promise of at least so much. */
export const atLeast = (figure, measured, unit, least, note) => ({
  figure,
  measured,
  unit,
  least,
  ok: measured >= least,
  ...(note && { note }),
});

/** For information. */
export const info = (figure, measured, unit, note) => ({ figure, measured, unit, ...(note && { note }) });
