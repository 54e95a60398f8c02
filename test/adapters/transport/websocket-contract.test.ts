import { describeSessionTransport } from '../../contract/session-transport.contract.ts';
import { startWebSocketBench } from './websocket-bench.ts';

for (const version of [1, 2, 3, 'gateway'] as const) {
  describeSessionTransport(`WebSocket, binary version ${version},`, () => startWebSocketBench(version));
}
