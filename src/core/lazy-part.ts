import { ClientError, ErrorCode, messageOf } from './errors.ts';

/** What is kept free for loading, such as descriptors of files: given up while a part is loaded. */
export interface LoadingReserve {
  release(): void;
  take(): void;
}

let reserve: LoadingReserve | undefined;
let loads = 0;

/** To be set once, by whoever begins the program. */
export function keepForLoading(kept: LoadingReserve): void {
  reserve = kept;
  kept.take();
}

/**
 * A part of the program that its first use loads. A failure is not kept: an update may have been replacing the files, or all
 * descriptors may have been in use. Node itself remembers a file that it could not read, so those are kept free for it.
 * The function rejects with a ClientError INTERNAL.
 */
export function lazyPart<Part>(load: () => Promise<Part>): () => Promise<Part> {
  let loading: Promise<Part> | undefined;
  return () => {
    loading ??= withReserve(load).catch((thrown: unknown) => {
      loading = undefined;
      throw notLoaded(thrown);
    });
    return loading;
  };
}

async function withReserve<Part>(load: () => Promise<Part>): Promise<Part> {
  if (loads === 0) reserve?.release();
  loads += 1;
  try {
    return await load();
  } finally {
    loads -= 1;
    if (loads === 0) reserve?.take();
  }
}

function notLoaded(thrown: unknown): ClientError {
  const { code } = thrown as { code?: unknown };
  const why = typeof code === 'string' ? code : messageOf(thrown);
  return new ClientError(
    ErrorCode.internal,
    `A part of this program could not be loaded (${why}). The device goes on without it and tries again when it is needed; if the program was updated meanwhile, restart it.`,
    { cause: thrown, retryable: true },
  );
}
