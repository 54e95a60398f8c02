/** When nobody talks: what would disturb a conversation waits for it. */
export interface IdleSignal {
  readonly isIdle: boolean;
  /** Told each time the device becomes idle. Returns the unsubscription. Listeners must not throw. */
  onIdle(listener: () => void): () => void;
}
