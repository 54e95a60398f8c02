import type { Logger } from '../core/logger.ts';
import type { Words } from '../core/words.ts';

/**
 * What a call means for the conversation (the code never blocks). `sync`: the model waits for the result. `async`: it waits
 * a while, then the run goes on as a background task. `background`: it is told "started" at once, the result is announced.
 */
export type ToolMode = 'sync' | 'async' | 'background';

/** Order of precedence when names collide, and of listing. */
export type ToolSource = 'builtin' | 'custom' | 'mounted';

/** A JSON Schema of type object, as it goes into `tools/list`. */
export type ToolInputSchema = Readonly<Record<string, unknown>> & { readonly type: 'object' };

export type ToolArguments = Readonly<Record<string, unknown>>;

export interface Picture {
  readonly base64: string;
  readonly mimeType: string;
}

export type ToolOutput =
  /**
   * `verbatim`: an `action` inside it is meant for the server, as in the answer of a vision service; it is left alone. `picture`
   * came with the text, for whoever shows results whole; a voice has the text. `words`: the text is ours, and this is it in any
   * language.
   */
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly verbatim?: boolean;
      readonly picture?: Picture;
      readonly words?: Words;
    }
  /** `source`: the JSON as it was written; where nothing is picked out of it, it is passed on like that. */
  | { readonly kind: 'json'; readonly value: unknown; readonly source?: string }
  | ({ readonly kind: 'image' } & Picture);

export interface ToolRunContext {
  /** Aborted on cancel, at the deadline and at exit; the run must end and leave nothing behind. */
  readonly signal: AbortSignal;
  /** On the injected clock. */
  readonly deadlineMs: number;
  readonly log: Logger;
  /** `false`: whoever called does not hear this loudspeaker. */
  readonly announce?: boolean | undefined;
}

/** Does the work. Rejects with a ClientError whose message can be spoken to a person; anything else is a fault of ours. */
export type RunTool = (args: ToolArguments, context: ToolRunContext) => Promise<ToolOutput>;

export interface Tool {
  /** As listed and called; exact. */
  readonly name: string;
  readonly description: string;
  readonly inputSchema: ToolInputSchema;
  /** `user`: hidden from the model unless `withUserTools` is asked for, callable all the same (firmware G20, G32). */
  readonly audience: 'model' | 'user';
  readonly source: ToolSource;
  readonly mode: ToolMode;
  readonly timeoutMs: number;
  /** `async` only: how long the model waits before the run is handed over. */
  readonly handoffMs: number;
  /** Longest text of a result, UTF-8; the rest is read with `self.tasks.read`. */
  readonly maxResultBytes: number;
  /** May be run again after a crash of the device. */
  readonly idempotent: boolean;
  /** `sync` only: several calls may run at once; else one after the other. */
  readonly parallel?: boolean | undefined;
  readonly run: RunTool;
}
