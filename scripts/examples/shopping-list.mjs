// Functions that are tools: `customMCP` in config/custom.example.jsonc. The list lives as long as this module's process.
const items = [];

/** The arguments of the call; what this function returns is the result, what it throws is a failure. */
export function add({ item }, { context }) {
  if (items.length >= context.maxItems)
    throw new Error(`There are ${items.length} things on the list already`);
  items.push(item);
  return { items };
}

/** `signal` aborts when nobody waits for the result any more. */
export default async function countdown({ seconds }, { signal }) {
  for (let left = seconds; left > 0 && !signal.aborted; left--)
    await new Promise((resolve) => setTimeout(resolve, 1000));
  return 'Lift-off!';
}
