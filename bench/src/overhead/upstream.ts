/** The target of the race, in a process of its own: a raw HTTP server with one fixed chat answer. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const ANSWER = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_750_000_000,
    model: 'bench-model',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'The council voted to rebuild the bridge; work begins in May and takes two years.',
        },
        finish_reason: 'stop',
        logprobs: null,
      },
    ],
    usage: { prompt_tokens: 118, completion_tokens: 18, total_tokens: 136 },
    system_fingerprint: null,
  }),
);
const HEAD = { 'content-type': 'application/json', 'content-length': ANSWER.length };

const server = createServer((request, response) => {
  // The body is taken off the socket and not looked at.
  request.resume();
  request.on('end', () => {
    response.writeHead(200, HEAD);
    response.end(ANSWER);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', 1_024, () => {
  process.send?.({ type: 'ready', port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit());
