import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { ChannelEnd } from '../../ports/session-transport.ts';

const failed = (error: ClientError): ChannelEnd => ({ normal: false, error, description: error.message });

/** `said`: the words of a server that spoke but said no hello; empty when it was silent. */
export function endOfNoHello(timeoutMs: number, host: string, said = ''): ChannelEnd {
  const next =
    said === ''
      ? 'Check that the address is that of a 小智 server.'
      : `It said: ${said}${/[.!?。！？]$/u.test(said) ? '' : '.'}`;
  return failed(
    new ClientError(
      ErrorCode.transportTimeout,
      `The server ${host} accepted the connection but said no hello within ${timeoutMs / 1000} s. ${next}`,
      { retryable: true },
    ),
  );
}

/** The server, or the gateway on behalf of the one behind it, complains in place of a hello (firmware D47). */
export function endOfHelloRefused(said: string, host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportRefused,
      `The server ${host} cannot begin a conversation now${said === '' ? '' : `; it said: ${said}`}.`,
      { retryable: true },
    ),
  );
}

/** A hello that cannot be used may be followed by one that can; who says only that is not waited for. */
export const secondHelloMs = 250;

/** `fault`: see `ReadHello`. */
export function endOfUnusableHello(fault: string, host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportRefused,
      `The server ${host} said hello, but ${fault}. Correct this in the settings of the server, or ask who runs it.`,
    ),
  );
}

/** A hello in the middle of a conversation that cannot be used. */
export function laterHelloProblem(fault: string): ClientError {
  return new ClientError(
    ErrorCode.protocolBadMessage,
    `The server said hello again, but ${fault}. It was ignored; the conversation goes on as before.`,
    { retryable: true },
  );
}

/** A server that speaks to a stranger: the words are most often the code that binds the device (servers.md 7). */
export function unboundProblem(said: string): ClientError {
  return new ClientError(
    ErrorCode.deviceNotBound,
    `The server speaks without a hello, as it does to a device that it does not know yet. It says: “${said}” Do what it says, then talk again.`,
  );
}
