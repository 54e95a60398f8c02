/** Results too long for one reply whose calls were no tasks. In memory: after a restart the conversation is gone too. */
export interface ResultShelf {
  /** Keeps the text and tells the id to read it by: `r1`, `r2` … */
  put(toolName: string, text: string): string;
  get(id: string): ShelvedResult | undefined;
}

export interface ShelvedResult {
  readonly toolName: string;
  readonly text: string;
}

/** Holds the last `capacity` results; the oldest is forgotten first. Each has at most 50 000 characters (`textOf`). */
export function createResultShelf(capacity = 32): ResultShelf {
  const results = new Map<string, ShelvedResult>();
  let lastNumber = 0;
  return {
    put(toolName, text) {
      lastNumber += 1;
      const id = `r${lastNumber}`;
      results.set(id, { toolName, text });
      if (results.size > capacity) results.delete(`r${lastNumber - capacity}`);
      return id;
    },
    get: (id) => results.get(id),
  };
}
