/** What is answered, in JSON-RPC, to a message that is no JSON: nobody can tell its id. */
export const parseErrorAnswer = {
  jsonrpc: '2.0',
  id: null,
  error: { code: -32_700, message: 'This is not JSON.' },
} as const;
