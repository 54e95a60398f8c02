import type { Clock } from '../core/clock.ts';
import type { DeviceLink, DeviceLinkHandler } from './device-link.ts';
import { createImpairedPath, type Impairment, perfectNetwork } from './impairment.ts';

export interface ImpairedLink {
  readonly link: DeviceLink;
  /** What stands between the carrier and the conversation. */
  listen(handler: DeviceLinkHandler): DeviceLinkHandler;
}

/** A bad network around a stream: nothing is lost or overtaken, but whatever is behind a lost piece waits for it. */
export function createImpairedStreamLink(
  link: DeviceLink,
  impairment: Impairment,
  clock: Clock,
): ImpairedLink {
  const legOf = (leg: 'up' | 'down') => ({
    impairment: impairment.leg === leg || impairment.leg === 'both' ? impairment : perfectNetwork,
    carrier: 'stream' as const,
    clock,
    deliver: (deliver: () => void) => deliver(),
  });
  const down = createImpairedPath<() => void>(legOf('down'));
  const up = createImpairedPath<() => void>(legOf('up'));
  return {
    link: {
      helloFields: () => link.helloFields(),
      sendJson: (message) => down.send(() => link.sendJson(message)),
      echo: (text) => down.send(() => link.echo(text)),
      sendAudio: (packet, timestampMs) => down.send(() => link.sendAudio(packet, timestampMs)),
      close: (reason) => down.send(() => link.close(reason)),
    },
    listen: (handler) => ({
      onText: (text) => up.send(() => handler.onText(text)),
      onAudio: (packet) => {
        const kept = packet.slice();
        up.send(() => handler.onAudio(kept));
      },
      onClosed() {
        down.stop();
        up.stop();
        handler.onClosed();
      },
    }),
  };
}
