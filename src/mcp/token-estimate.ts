const asciiCharactersPerToken = 4;

/**
 * About how many tokens a model makes of a text: one for every four ASCII characters, one for every other character. Each
 * model counts for itself; within a third of what those behind 小智 count for lists of tools in English and Chinese.
 */
export function estimatedTokens(text: string): number {
  let ascii = 0;
  let other = 0;
  for (const character of text) {
    if (character <= '\x7f') ascii += 1;
    else other += 1;
  }
  return Math.ceil(ascii / asciiCharactersPerToken) + other;
}
