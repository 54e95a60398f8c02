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
  #broken = false;
  #working: Promise<void> | undefined;

  constructor(resource: Switchable) {
    this.#resource = resource;
  }

  set(wanted: boolean): void {
    this.#wanted = wanted;
    this.#work();
  }

  /** It broke while it was open: it is closed, and opened again as long as it is wanted. */
  reopen(): void {
    this.#broken = this.#open;
    this.#work();
  }

  /** Closes for good and resolves when nothing is open any more. */
  async stop(): Promise<void> {
    this.set(false);
    await this.#working;
  }

  #work(): void {
    if (this.#working || !this.#isDue()) return;
    this.#working = this.#follow().finally(() => {
      this.#working = undefined;
    });
  }

  #isDue(): boolean {
    return this.#broken || this.#open !== this.#wanted;
  }

  async #follow(): Promise<void> {
    while (this.#isDue()) {
      this.#broken = false;
      this.#open = !this.#open;
      await (this.#open ? this.#resource.open() : this.#resource.close());
    }
  }
}
