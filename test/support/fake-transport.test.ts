import { describeSessionTransport } from '../contract/session-transport.contract.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { type FakeTransport, FakeTransports } from './fake-transport.ts';

describeSessionTransport('the fake', () => {
  const clock = new FakeClock();
  const nowhere = new FakeTransports({ clock, unreachable: true });
  const made: FakeTransport[] = [];
  return Promise.resolve({
    clock,
    create: (limits) => {
      const transport = new FakeTransports({ clock, ...limits }).create();
      made.push(transport);
      return transport;
    },
    createUnreachable: () => {
      nowhere.unreachable = true;
      return nowhere.create();
    },
    arrived: async () => {
      await settle();
      return farEndOf(made.at(-1) as FakeTransport);
    },
    stop: () => Promise.resolve(),
  });
});

function farEndOf(transport: FakeTransport) {
  return {
    get texts() {
      return transport.sent.filter((sent) => typeof sent === 'string');
    },
    get packets() {
      return transport.sent.filter((sent) => typeof sent !== 'string');
    },
    get left() {
      return transport.left;
    },
    sayHello: (sessionId: string, audioParams?: object) =>
      transport.send({
        type: 'hello',
        transport: 'websocket',
        session_id: sessionId,
        ...(audioParams ? { audio_params: audioParams } : {}),
      }),
    sendText: (text: string) => transport.send(text),
    sendAudio: (packet: Uint8Array) => transport.sendAudioDown(packet),
    hangUp: () => transport.hangUp(),
    stopReading: () => {
      transport.backedUp = true;
    },
  };
}
