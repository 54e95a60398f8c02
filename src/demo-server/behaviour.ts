/** Whom the server takes after: `plain` is what real servers agree in, the others are one real server each. */
export const manners = ['plain', 'python', 'go', 'java'] as const;
export type Manner = (typeof manners)[number];

/** How a device may hand over a text: `listen` with `detect` or with `text`, or a message of type `text`. */
export const textWays = ['detect', 'listen-text', 'text'] as const;
export type TextWay = (typeof textWays)[number];

export interface BehaviourOptions {
  /** `plain` when not given. */
  readonly manner?: Manner | undefined;
  /** How long the model thinks before it calls a tool or speaks, asked for each turn; 0 when not given. */
  readonly thinkMs?: number | (() => number) | undefined;
  /** The only ways that are taken; those of the manner when not given. */
  readonly textWays?: readonly TextWay[] | undefined;
  /** What is recognised in the first spoken turns, in order; in later ones only their length. */
  readonly spokenCommand?: string | readonly string[] | undefined;
}

/** How the server behaves, in all its connections. */
export interface Behaviour {
  readonly manner: Manner;
  thinkMs(): number;
  takes(way: TextWay): boolean;
  /** The words of the next spoken turn; undefined when it is to be repeated. */
  nextSpokenWords(): string | undefined;
}

/** A text over the way that a server does not know is ignored by it, so a device can find out which one it is. */
const waysOf: Readonly<Record<Manner, readonly TextWay[]>> = {
  plain: ['detect', 'text'],
  python: ['detect'],
  go: ['detect'],
  java: ['detect', 'listen-text'],
};

export function createBehaviour(options: BehaviourOptions): Behaviour {
  const { manner = 'plain', thinkMs = 0, spokenCommand = [] } = options;
  const ways = options.textWays ?? waysOf[manner];
  const words = [spokenCommand].flat();
  return {
    manner,
    thinkMs: () => (typeof thinkMs === 'number' ? thinkMs : thinkMs()),
    takes: (way) => ways.includes(way),
    nextSpokenWords: () => words.shift(),
  };
}
