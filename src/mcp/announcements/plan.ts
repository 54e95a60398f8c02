import { backoffDelayMs } from '../../core/backoff.ts';
import { type Mailbox, mailsOf } from './mailbox.ts';
import { quietForMs } from './quiet-hours.ts';
import type { AnnouncementSettings, AnnouncementStrategy } from './settings.ts';
import { cueToRead, factOf, joinFacts, requestToSpeak } from './wording.ts';

/** What is told in one go. */
export interface Notice {
  /** Tasks that have been told once this has been spoken: exactly those whose fact or id the text has. */
  readonly taskIds: readonly string[];
  readonly text: string;
}

export type AnnouncementPlan =
  /** No mail. */
  | { readonly kind: 'none' }
  /** Quiet hours: ask again then. */
  | { readonly kind: 'wait'; readonly delayMs: number }
  | {
      readonly kind: 'send';
      readonly strategy: AnnouncementStrategy;
      readonly notice: Notice;
      /** False: the device does it alone, online or not. */
      readonly needsChannel: boolean;
    };

/** Why an announcement was not spoken. `refused`: the server answered it with an alert. */
export type AnnouncementFailure = 'no-reply' | 'no-channel' | 'refused';

/** Results told at once, and how much of the limit one of several may take. */
const maxFactsPerNotice = 5;
const fewestCharactersPerFact = 60;

/** What to do with the mail that waits. `attempt`: failures of the head so far. */
export function planAnnouncement(
  mailbox: Mailbox,
  attempt: number,
  settings: AnnouncementSettings,
  now: Date,
): AnnouncementPlan {
  if (mailbox.length === 0) return { kind: 'none' };
  const delayMs = settings.quietHours ? quietForMs(settings.quietHours, now) : 0;
  if (delayMs > 0) return { kind: 'wait', delayMs };
  const strategy = strategyOf(attempt, settings);
  return {
    kind: 'send',
    strategy,
    notice: noticeOf(mailbox, strategy, settings),
    needsChannel: strategy !== 'local',
  };
}

/** Each strategy has its tries, then comes the next; after the last, the first again. */
export function strategyOf(
  attempt: number,
  { strategies, triesPerStrategy }: AnnouncementSettings,
): AnnouncementStrategy {
  const index = Math.floor(attempt / triesPerStrategy) % strategies.length;
  return strategies[index] as AnnouncementStrategy;
}

/**
 * Number of the next attempt after `attempt` failed. A refusal will be repeated for the same text, so the rest of the
 * strategy's tries are skipped.
 */
export function nextAttempt(
  attempt: number,
  failure: AnnouncementFailure,
  { triesPerStrategy }: AnnouncementSettings,
): number {
  if (failure !== 'refused') return attempt + 1;
  return (Math.floor(attempt / triesPerStrategy) + 1) * triesPerStrategy;
}

/** How long to wait before attempt number `attempt` (1 = the first after a failure). */
export function announcementDelayMs(
  attempt: number,
  { firstRetryMs, maxRetryMs }: AnnouncementSettings,
): number {
  if (attempt <= 0) return 0;
  return backoffDelayMs(attempt - 1, { firstMs: firstRetryMs, maxMs: maxRetryMs });
}

function noticeOf(mailbox: Mailbox, strategy: AnnouncementStrategy, settings: AnnouncementSettings): Notice {
  const { language, maxCueCharacters } = settings;
  if (strategy === 'detect-cue') return cueToRead(mailsOf(mailbox), language, maxCueCharacters);
  const { facts, taskIds, left } = factsOf(mailbox, settings);
  const told = joinFacts(facts, left, language);
  const toModel = strategy === 'detect' || strategy === 'text';
  return { taskIds, text: toModel ? requestToSpeak(told, language) : told };
}

/** The head in full, and as many of the next as the limit allows. */
function factsOf(
  mailbox: Mailbox,
  { language, maxSpokenCharacters }: AnnouncementSettings,
): { readonly facts: readonly string[]; readonly taskIds: readonly string[]; readonly left: number } {
  const facts: string[] = [];
  const taskIds: string[] = [];
  let free = maxSpokenCharacters;
  for (const mail of mailsOf(mailbox).slice(0, maxFactsPerNotice)) {
    if (facts.length > 0 && free < fewestCharactersPerFact) break;
    const fact = factOf(mail, language, free);
    facts.push(fact);
    taskIds.push(mail.taskId);
    free -= fact.length;
  }
  return { facts, taskIds, left: mailbox.length + mailbox.beyond.length - facts.length };
}
