/** Something that takes time to open and to close. Neither function may reject. */
export interface Switchable {
  open(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Follows a wish that may change faster than the resource can: opens and closes never overlap, and the last wish wins.
 */
export class SwitchedResource {
  readonly #resource: Switchable;
  #wanted = false;
  #open = false;
  #working: Promise<void> | undefined;

  constructor(resource: Switchable) {
    this.#resource = resource;
  }

  set(wanted: boolean): void {
    this.#wanted = wanted;
    if (!this.#working && this.#open !== wanted) {
      this.#working = this.#follow().finally(() => {
        this.#working = undefined;
      });
    }
  }

  /** Closes for good and resolves when nothing is open any more. */
  async stop(): Promise<void> {
    this.set(false);
    await this.#working;
  }

  async #follow(): Promise<void> {
    while (this.#open !== this.#wanted) {
      this.#open = this.#wanted;
      await (this.#open ? this.#resource.open() : this.#resource.close());
    }
  }
}
