import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { explainListenError, ListenError } from './listen-error.ts';

test('a port that is taken, as the system says it', async () => {
  const first = createServer().listen(0, '127.0.0.1');
  await once(first, 'listening');
  const address = first.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const second = createServer().listen(address.port, '127.0.0.1');
  const [refusal] = await once(second, 'error');
  first.close();
  const told = explainListenError(refusal, '127.0.0.1', address.port);
  expect(told).toBeInstanceOf(ListenError);
  expect(String(told)).toContain(`Another program listens on port ${address.port} of 127.0.0.1`);
});

test.each([
  ['EACCES', 'This user may not listen on port 80 of h'],
  ['EADDRNOTAVAIL', 'HOST "h" is no address of this machine'],
  ['ENOTFOUND', 'HOST "h" is no address of this machine'],
])('%s: %s', (code, text) => {
  const told = explainListenError(Object.assign(new Error('listen'), { code }), 'h', 80);
  expect(String(told)).toContain(text);
});

test('never proposes the port that is taken', () => {
  const taken = Object.assign(new Error('listen'), { code: 'EADDRINUSE' });
  expect(String(explainListenError(taken, 'h', 8080))).toContain('PORT=8081');
  expect(String(explainListenError(taken, 'h', 8081))).toContain('PORT=8082');
});

test('leaves other errors as they are', () => {
  for (const error of [new Error('x'), Object.assign(new Error('x'), { code: 'EMFILE' }), 'x', null])
    expect(explainListenError(error, 'h', 1)).toBe(error);
});
