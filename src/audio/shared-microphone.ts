import { type ClientError, toClientError } from '../core/errors.ts';
import type { Microphone, MicrophoneSink } from '../ports/microphone.ts';

/** One device at work: from the start for its first user to the stop of its last, or to its loss. */
interface Session {
  ready: Promise<void>;
}

interface User {
  readonly sink: MicrophoneSink;
}

/**
 * One microphone for several users, who need not know of each other: sound cards let themselves be opened once. The first
 * user opens the device, the last one closes it, everybody hears the same, and its loss is told to all. Chunks are handed
 * on as they come, in the same call: nothing waits here. A user that throws is told so and left out.
 */
export class SharedMicrophone {
  readonly #device: Microphone;
  #users: readonly User[] = [];
  #session: Session | undefined;
  #closing: Promise<void> | undefined;

  constructor(device: Microphone) {
    this.#device = device;
  }

  /** A microphone of one's own; may be made at any time, and costs nothing until it is started. */
  handle(): Microphone {
    const device = this.#device;
    let user: User | undefined;
    const start = (sink: MicrophoneSink) => {
      const before = user;
      user = { sink };
      return this.#join(user, before);
    };
    const stop = () => {
      const leaving = user;
      user = undefined;
      return leaving ? this.#leave(leaving) : (this.#closing ?? Promise.resolve());
    };
    return {
      get name() {
        return device.name;
      },
      get sampleRateHz() {
        return device.sampleRateHz;
      },
      get xruns() {
        return device.xruns ?? 0;
      },
      start,
      stop,
    };
  }

  #join(user: User, before: User | undefined): Promise<void> {
    this.#users = [...this.#users.filter((one) => one !== before), user];
    return (this.#session ?? this.#open()).ready;
  }

  #leave(user: User): Promise<void> {
    this.#users = this.#users.filter((one) => one !== user);
    if (this.#users.length > 0) return Promise.resolve();
    if (!this.#session) return this.#closing ?? Promise.resolve();
    this.#session = undefined;
    return this.#close();
  }

  #close(): Promise<void> {
    const closing = this.#device.stop().finally(() => {
      if (this.#closing === closing) this.#closing = undefined;
    });
    this.#closing = closing;
    return closing;
  }

  #open(): Session {
    const session: Session = { ready: Promise.resolve() };
    const isCurrent = () => this.#session === session;
    this.#session = session;
    const start = () =>
      this.#device.start({
        onChunk: (pcm) => {
          if (isCurrent()) for (const user of this.#users) this.#deliver(user, pcm);
        },
        onError: (error) => {
          if (isCurrent()) this.#lose(error);
        },
      });
    const opening = this.#closing
      ? this.#closing.catch(() => {}).then(() => (isCurrent() ? start() : undefined))
      : start();
    session.ready = opening.catch((thrown: unknown) => {
      if (isCurrent()) this.#end();
      throw thrown;
    });
    return session;
  }

  #deliver(user: User, pcm: Int16Array): void {
    try {
      user.sink.onChunk(pcm);
    } catch (thrown) {
      void this.#leave(user).catch(() => {});
      tell(user, toClientError(thrown));
    }
  }

  #lose(error: ClientError): void {
    for (const user of this.#end()) tell(user, error);
  }

  #end(): readonly User[] {
    const users = this.#users;
    this.#users = [];
    this.#session = undefined;
    // Nobody has it any more who could.
    this.#close().catch(() => {});
    return users;
  }
}

/** Who throws here as well cannot be helped. */
function tell({ sink }: User, error: ClientError): void {
  try {
    sink.onError(error);
  } catch {
    // The others must be told all the same.
  }
}
