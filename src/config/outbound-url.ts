import * as z from 'zod';

/** `<请填写…>`, `<your token>`, `YOUR_TOKEN`, `...`: what examples have where a person's own address belongs. */
const placeholder = /^\s*$|[<>]|请填写|\byour_|…|\.\.\./i;

const allowed = 'must be a ws:// or wss:// URL';

/**
 * Address of a WebSocket server that we dial. A `+` in its query becomes `%2B`: it is part of a token there, and servers
 * would read it as a space. The message of a fault completes the sentence "PATH: …" and never shows the address.
 */
export const outboundUrl = z.string(allowed).transform((text, context) => {
  const fault = faultOf(text);
  if (fault === undefined) return withEncodedPlus(text.trim());
  context.addIssue(fault);
  return z.NEVER;
});

function faultOf(text: string): string | undefined {
  if (placeholder.test(text)) return 'is still a placeholder; put the address there, or remove the entry';
  if (!URL.canParse(text)) return allowed;
  const { protocol, hash } = new URL(text);
  if (protocol !== 'ws:' && protocol !== 'wss:') return allowed;
  return hash === '' ? undefined : 'must not hold a "#"; write %23 where the token has one';
}

function withEncodedPlus(text: string): string {
  const url = new URL(text);
  url.search = url.search.replaceAll('+', '%2B');
  return url.href;
}
