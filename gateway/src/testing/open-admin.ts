/** The admin API with the handlers of some subjects, on a real socket and a real database; sessions are a header. */
import { randomUUID } from 'node:crypto';
import type { AdminRouteName, MemberRole } from '@zerogpu/protocol';
import Fastify from 'fastify';
import type { Pool } from 'pg';
import { type AdminServices, addAdminRoutes } from '../admin/admin-routes.ts';
import type { Handlers } from '../admin/handler.ts';
import { checker } from '../api/check.ts';
import { readJsonBody, readRawBody } from '../api/read-body.ts';
import { makeAdminCreateOnce } from '../idempotency/admin-creations.ts';
import { Secrets } from '../store/secrets.ts';

// biome-ignore lint/suspicious/noExplicitAny: an answer as a client sees it, whose fields a test goes on to check
type Json = any;

export interface AdminAnswer {
  readonly status: number;
  readonly text: string;
  /** Null when there is no body. */
  readonly json: Json;
}

export interface OpenAdmin {
  readonly url: string;
  /** What a request takes for the time; a test moves it. */
  readonly clock: { now: number };
  readonly reports: unknown[];
  /** @param person the id of a person; empty for nobody */
  call(
    person: string,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<AdminAnswer>;
  close(): Promise<void>;
}

export const PERSON_HEADER = 'x-test-person';
const MAX_BODY = 64 * 1024;
const BODY_MS = 10_000;
const FIND = 'SELECT id, email, name FROM people WHERE id = $1';

/** @param handlers of the routes that a test calls; the others break */
export async function openAdmin(
  pool: Pool,
  handlers: Partial<Handlers<AdminRouteName>>,
  now = Date.now(),
  changes: Partial<AdminServices> = {},
): Promise<OpenAdmin> {
  const clock = { now };
  const reports: unknown[] = [];
  const app = Fastify({ logger: false });
  const secrets = new Secrets('a secret of the tests, long enough');
  const report = (_requestId: string, cause: unknown) => void reports.push(cause);
  addAdminRoutes(app, {
    pool,
    people: {
      find: async (headers) => {
        const id = String(headers[PERSON_HEADER] ?? '');
        return id === '' ? null : ((await pool.query(FIND, [id])).rows[0] ?? null);
      },
    },
    handlers: handlers as Handlers<AdminRouteName>,
    origins: [],
    now: () => clock.now,
    report,
    createOnce: makeAdminCreateOnce({ pool, secrets, now: Date.now, report }),
    readBody: async (request) => (await readJsonBody(request.headers, request, MAX_BODY, BODY_MS)).value,
    readRaw: (request, maxBytes) => readRawBody(request.headers, request, maxBytes, BODY_MS),
    // Made when it is needed: a test pays for the routes that it calls.
    checker: (schema) => (value) => checker(schema, 'kept')(value),
    ...changes,
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    clock,
    reports,
    async call(person, method, path, body, headers = {}) {
      const content =
        body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
      const sent = { ...content.headers, [PERSON_HEADER]: person, ...headers };
      const response = await fetch(url + path, { method, ...content, headers: sent });
      const text = await response.text();
      return { status: response.status, text, json: text === '' ? null : JSON.parse(text) };
    },
    async close() {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

/** A member of an organization. @returns the person's id */
export async function makePerson(
  pool: Pool,
  organizationId: string,
  role: MemberRole,
  name = `The ${role}`,
): Promise<string> {
  const id = randomUUID();
  await pool.query('INSERT INTO people (id, email, name) VALUES ($1, $2, $3)', [
    id,
    `${id}@example.test`,
    name,
  ]);
  await pool.query('INSERT INTO members (organization_id, person_id, role) VALUES ($1, $2, $3)', [
    organizationId,
    id,
    role,
  ]);
  return id;
}

/** Every row of every table as text: what somebody with a copy of the database could read. */
export async function everyRow(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ name: string }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('public', 'ledger') AND c.relkind IN ('r', 'p') AND NOT c.relispartition`);
  const texts: string[] = [];
  for (const { name } of rows) {
    const all = await pool.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
    texts.push(name, ...all.rows.map(({ text }) => text));
  }
  return texts.join('\n');
}
