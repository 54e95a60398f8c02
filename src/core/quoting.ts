import { printableText } from './printable-text.ts';

/** Somebody else's words as one line without secrets, fit for a sentence. */
export type Quote = (text: string, maxCharacters?: number) => string;

const maxQuotedCharacters = 200;
/** Shorter ones occur in ordinary words. */
const minSecretLength = 4;

/** Quotes those who were told these secrets. */
export function createQuote(secrets: readonly string[]): Quote {
  // The longest first: one may be part of another.
  const hidden = secrets
    .filter((secret) => secret.length >= minSecretLength)
    .sort((a, b) => b.length - a.length);
  return (text, maxCharacters = maxQuotedCharacters) =>
    printableText(
      hidden.reduce((rest, secret) => rest.replaceAll(secret, '••••'), text),
      maxCharacters,
    );
}
