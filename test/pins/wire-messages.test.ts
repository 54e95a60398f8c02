import { expect, it } from 'vitest';
import { clientMessage } from '../../src/protocol/messages.ts';

/** Firmware E1–E6: what is written here is what servers have learnt to expect, byte for byte. */
it.each([
  [
    clientMessage.listenStart('s', 'auto'),
    '{"session_id":"s","type":"listen","state":"start","mode":"auto"}',
  ],
  [
    clientMessage.listenStart('s', 'manual'),
    '{"session_id":"s","type":"listen","state":"start","mode":"manual"}',
  ],
  [
    clientMessage.listenStart('', 'realtime'),
    '{"session_id":"","type":"listen","state":"start","mode":"realtime"}',
  ],
  [clientMessage.listenStop('s'), '{"session_id":"s","type":"listen","state":"stop"}'],
  [
    clientMessage.listenDetect('s', '你好"小智"\n'),
    '{"session_id":"s","type":"listen","state":"detect","text":"你好\\"小智\\"\\n"}',
  ],
  [clientMessage.abort('s', 'user'), '{"session_id":"s","type":"abort"}'],
  [clientMessage.abort('s', 'wake-word'), '{"session_id":"s","type":"abort","reason":"wake_word_detected"}'],
  [
    clientMessage.mcp('s', { jsonrpc: '2.0', id: 1, result: {} }),
    '{"session_id":"s","type":"mcp","payload":{"jsonrpc":"2.0","id":1,"result":{}}}',
  ],
  [clientMessage.goodbye('s'), '{"session_id":"s","type":"goodbye"}'],
])('%s', (written, pinned) => {
  expect(written).toBe(pinned);
});
