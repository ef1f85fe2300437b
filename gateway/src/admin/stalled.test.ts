import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { Secrets } from '../store/secrets.ts';
import { makePerson, openAdmin, PERSON_HEADER } from '../testing/open-admin.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';

onEveryPostgres('a stream that nobody reads', (database) => {
  it('is broken off, and gives back what it held', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, new Secrets('a secret of the tests, long enough'));
    const person = await makePerson(pool, caller.organizationId, 'viewer');
    const ended = Promise.withResolvers<string>();
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) yield 'x'.repeat(100_000);
      } finally {
        ended.resolve('given back');
      }
    }
    const handlers = { exportRequests: async () => ({ content: 'text/csv' as const, text: endless() }) };
    const admin = await openAdmin(pool, handlers, Date.now(), { stalledMs: 20 });
    const { hostname, port } = new URL(admin.url);
    const socket = connect(Number(port), hostname).pause();
    try {
      await once(socket, 'connect');
      const path = `/api/projects/${caller.projectId}/requests/export`;
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n${PERSON_HEADER}: ${person}\r\n\r\n`);
      expect(await ended.promise).toBe('given back');
    } finally {
      socket.destroy();
      await admin.close();
    }
  });
});
