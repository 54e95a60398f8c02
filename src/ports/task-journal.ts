/** What was found when the journal was opened. */
export interface JournalContents {
  /** In the order they were written; JSON values whose shape the reader checks. */
  readonly entries: readonly unknown[];
  /** Entries that could not be read; they have been set aside and reported. */
  readonly damaged: number;
}

/** An append-only record of what has been promised. One writer at a time. */
export interface TaskJournal {
  /** Reads everything, once, before anything is appended. @throws ClientError STATE_UNWRITABLE */
  open(): Promise<JournalContents>;
  /**
   * Resolves when the entries would survive a power cut; all or none of them are there afterwards.
   * @throws ClientError STATE_UNWRITABLE; then none of them counts.
   */
  append(entries: readonly unknown[]): Promise<void>;
  /**
   * Replaces the whole journal atomically, to forget what is no longer needed. `entries` is asked when its turn has come:
   * its answer must hold everything appended until then. @throws ClientError STATE_UNWRITABLE; the old journal stays.
   */
  rewrite(entries: () => readonly unknown[]): Promise<void>;
  /** Length of the file, for the decision when to rewrite it. */
  readonly sizeBytes: number;
  /** Waits for what is being written. Idempotent. */
  close(): Promise<void>;
}
