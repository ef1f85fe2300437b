/**
 * Every error that callers are told, reached through the whole way: what the caller is told, and what the log and the
 * ledger say afterwards. One without a case fails.
 */
import { writeFile } from 'node:fs/promises';
import {
  ADDRESS_ERRORS,
  API_ROUTES,
  ERRORS,
  type ErrorCode,
  isErrorCode,
  isId,
  newId,
} from '@zerogpu/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Case, type Cases, fileCases, type Told, together } from './support/error-cases.ts';
import { RawConnection } from './support/raw-http.ts';
import {
  ALL_ROUTES,
  announced,
  answering,
  EMBED,
  EXTRACT,
  IAB,
  type ScriptedNode,
  SUMMARY,
  silent,
} from './support/scripted-node.ts';
import {
  type ScriptedUpstream,
  startUpstream,
  upstreamAnswers,
  upstreamSetting,
} from './support/scripted-upstream.ts';
import { storeFile } from './support/stored-file.ts';
import { type CallAnswer, type Project, TestGateway } from './support/test-gateway.ts';

const CHAT = 'llama-3.1-8b-instruct-fast';
const UNSERVED = 'LFM2.5-1.2B-Instruct';
/** Short enough to wait for, long enough that nothing else here meets it. */
const DEADLINE_MS = 4_000;
const BODY_TIMEOUT_MS = 1_000;
const REQUESTS_A_MINUTE = 20;
const TOKENS_A_MINUTE = 20_000;

let gateway: TestGateway;
let node: ScriptedNode;
let upstream: ScriptedUpstream;

beforeAll(async () => {
  upstream = await startUpstream(upstreamAnswers('scripted'));
  gateway = await TestGateway.start({
    ZEROGPU_DEADLINE_MS: String(DEADLINE_MS),
    ZEROGPU_BODY_TIMEOUT_MS: String(BODY_TIMEOUT_MS),
    ZEROGPU_RATE_LIMIT_REQUESTS: String(REQUESTS_A_MINUTE),
    ZEROGPU_RATE_LIMIT_TOKENS: String(TOKENS_A_MINUTE),
    ZEROGPU_MODEL_OVERRIDES: JSON.stringify({ [IAB]: { errorOnMaxToken: true } }),
    ZEROGPU_UPSTREAMS: upstreamSetting(upstream, CHAT),
  });
  node = await gateway.join({ models: ALL_ROUTES.map((id) => announced(id)) });
});

afterEach(() => {
  node.behaviour = answering;
  upstream.behaviour = upstreamAnswers('scripted');
});

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

const ask = { model: SUMMARY, input: 'The sky is blue.' };

/** A POST of `/v1/responses`; fields of `changes` replace those of a good body. */
const respond = (
  project: Project,
  changes: object,
  headers: Record<string, string> = {},
): Promise<CallAnswer> =>
  gateway.call('/v1/responses', { ...ask, ...changes }, { key: project.apiKey, headers });

const createBatch = (project: Project, input_file_id: string): Promise<CallAnswer> => {
  const body = { input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' };
  return gateway.call('/v1/batches', body, { key: project.apiKey });
};

const raw = (project: Project, body: string, headers: Record<string, string> = {}): Promise<CallAnswer> =>
  gateway.call('/v1/responses', undefined, { raw: body, key: project.apiKey, headers });

const RETRY_AFTER = { 'retry-after': /^[1-9]\d*$/ };
const RATE_LIMIT_HEADERS = {
  ...RETRY_AFTER,
  'x-ratelimit-limit-requests': new RegExp(`^${REQUESTS_A_MINUTE}$`),
  'x-ratelimit-remaining-requests': /^\d+$/,
  'x-ratelimit-reset-requests': /^\d+s$/,
  'x-ratelimit-limit-tokens': new RegExp(`^${TOKENS_A_MINUTE}$`),
  'x-ratelimit-remaining-tokens': /^\d+$/,
  'x-ratelimit-reset-tokens': /^\d+s$/,
};

/** What the routes of callers answer, by their declarations. The rest is the admin API's: `tests/src/admin-*.test.ts`. */
const OF_CALLERS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...API_ROUTES.flatMap(({ errors }) => errors),
  ...ADDRESS_ERRORS,
  'client_closed_request',
]);

const OWN_CASES: Cases = {
  invalid_json: [
    { name: 'a body cut off', run: (p) => raw(p, '{"model":') },
    { name: 'no body', run: (p) => raw(p, '') },
    { name: 'an array', run: (p) => raw(p, '[]') },
  ],
  invalid_type: [
    { name: 'a number for a text', param: 'input', run: (p) => respond(p, { input: 3 }) },
    { name: 'a text for a number', param: 'temperature', run: (p) => respond(p, { temperature: 'hot' }) },
    {
      name: 'deep inside a message',
      param: 'messages[1].content',
      endpoint: 'chat/completions',
      run: (p) => {
        const messages = [
          { role: 'user', content: 'a' },
          { role: 'user', content: 4 },
        ];
        return gateway.call('/v1/chat/completions', { model: SUMMARY, messages }, { key: p.apiKey });
      },
    },
  ],
  invalid_value: [
    { name: 'out of range', param: 'temperature', run: (p) => respond(p, { temperature: 3 }) },
    { name: 'an empty array', param: 'input', run: (p) => respond(p, { input: [] }) },
    {
      name: 'an Idempotency-Key of 256 characters',
      param: 'Idempotency-Key',
      run: (p) => respond(p, {}, { 'idempotency-key': 'k'.repeat(256) }),
    },
    {
      name: 'options that a task cannot work with',
      param: 'metadata.usecase',
      run: (p) => respond(p, { model: 'zlm-v1-extract-edge' }),
    },
    {
      name: "options on a task's own route",
      param: 'usecase',
      endpoint: 'gliner',
      run: (p) => gateway.call('/v1/gliner', { text: 'a' }, { key: p.apiKey }),
    },
    {
      name: 'a stream of what comes whole',
      param: 'stream',
      endpoint: 'embeddings',
      run: (p) =>
        gateway.call('/v1/embeddings', { model: EMBED, input: 'a', stream: true }, { key: p.apiKey }),
    },
    {
      name: 'a model of another task',
      param: 'model',
      endpoint: 'moderations',
      run: (p) => gateway.call('/v1/moderations', { model: SUMMARY, input: 'a' }, { key: p.apiKey }),
    },
    {
      name: 'JSON that the model would cut short',
      endpoint: 'gliner',
      run: (p) => {
        node.behaviour = ({ id }, cut) => cut.done(id, '{"entities":{', 'length');
        const body = { text: 'a', model: EXTRACT, usecase: 'ner', labels: ['b'] };
        return gateway.call('/v1/gliner', body, { key: p.apiKey });
      },
    },
    {
      name: 'more than one choice',
      param: 'n',
      endpoint: 'chat/completions',
      run: (p) => {
        const body = { model: SUMMARY, messages: [{ role: 'user', content: 'a' }], n: 2 };
        return gateway.call('/v1/chat/completions', body, { key: p.apiKey });
      },
    },
  ],
  missing_required_parameter: [
    { name: 'no model', param: 'model', run: (p) => respond(p, { model: undefined }) },
    { name: 'no input', param: 'input', run: (p) => respond(p, { input: undefined }) },
    {
      name: 'no text',
      param: 'text',
      endpoint: 'summary',
      run: (p) => gateway.call('/summary', {}, { key: p.apiKey }),
    },
  ],
  string_above_max_length: [
    {
      name: '131,073 characters',
      param: 'input',
      run: (p) => respond(p, { input: 'a'.repeat(131_073) }),
    },
  ],
  invalid_api_key: [
    { name: 'no key', logged: false, run: () => gateway.call('/v1/responses', ask, { key: null }) },
    {
      name: 'a typing error',
      logged: false,
      run: (p) => gateway.call('/v1/responses', ask, { key: `${p.apiKey}x` }),
    },
    {
      name: 'a revoked key',
      run: async (p) => {
        await gateway.pool.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [p.keyId]);
        return respond(p, {});
      },
    },
    {
      name: 'a key of no database',
      logged: false,
      run: () =>
        gateway.call('/v1/responses', ask, { key: 'zgpu-api-00000000000000000000000000000000000000' }),
    },
    {
      name: 'on the models route',
      logged: false,
      run: () => gateway.call('/v1/models', undefined, { key: null }),
    },
  ],
  invalid_project: [
    {
      // In the log of the project that was named.
      name: "another project's id",
      run: (p) => respond(p, {}, { 'x-project-id': gateway.first.projectId }),
    },
    { name: 'no project at all', logged: false, run: (p) => respond(p, {}, { 'x-project-id': 'nonsense' }) },
    {
      name: 'an archived project',
      project: { status: 'archived' },
      run: (p) => respond(p, {}),
    },
  ],
  model_not_allowed: [
    { name: 'not enabled', param: 'model', project: { allowedModels: [IAB] }, run: (p) => respond(p, {}) },
  ],
  not_found: [
    {
      name: 'an unknown route',
      logged: false,
      run: (p) => gateway.call('/v1/nothing', {}, { key: p.apiKey }),
    },
    { name: 'outside the API', logged: false, run: () => gateway.call('/nothing') },
  ],
  model_not_found: [
    { name: 'an unknown model', param: 'model', run: (p) => respond(p, { model: 'gpt-4o' }) },
    {
      name: 'on the models route',
      param: 'model',
      logged: false,
      run: (p) => gateway.call('/v1/models/gpt-4o', undefined, { key: p.apiKey }),
    },
    {
      name: 'a model that the project may not see',
      param: 'model',
      logged: false,
      project: { allowedModels: [IAB] },
      run: (p) => gateway.call(`/v1/models/${SUMMARY}`, undefined, { key: p.apiKey }),
    },
  ],
  file_not_found: [
    {
      name: 'of a batch',
      param: 'input_file_id',
      logged: false,
      run: (p) => createBatch(p, newId('file')),
    },
  ],
  batch_not_found: [
    {
      name: 'an unknown batch',
      logged: false,
      run: (p) => gateway.call(`/v1/batches/${newId('batch')}`, undefined, { key: p.apiKey }),
    },
    {
      name: 'an unknown batch, to be cancelled',
      logged: false,
      run: (p) => gateway.call('/v1/batches/batch_1/cancel', undefined, { key: p.apiKey, method: 'POST' }),
    },
  ],
  batch_not_cancellable: [
    {
      name: 'a batch that was never begun',
      logged: false,
      run: async (p) => {
        await expectStatus(createBatch(p, (await storeFile(gateway, p, ['[]'])).id), 400);
        const { json } = await gateway.call('/v1/batches', undefined, { key: p.apiKey });
        const cancel = `/v1/batches/${json.data[0].id}/cancel`;
        return gateway.call(cancel, undefined, { key: p.apiKey, method: 'POST' });
      },
    },
  ],
  invalid_limit: [
    {
      name: 'of batches',
      param: 'limit',
      logged: false,
      run: (p) => gateway.call('/v1/batches?limit=101', undefined, { key: p.apiKey }),
    },
  ],
  storage_error: [
    {
      name: 'a file whose bytes are not what they were',
      logged: false,
      run: async (p) => {
        const { id, path, bytes } = await storeFile(gateway, p, ['{}']);
        await writeFile(path, 'x'.repeat(bytes));
        return createBatch(p, id);
      },
    },
  ],
  method_not_allowed: [
    {
      name: 'GET of an endpoint',
      logged: false,
      run: (p) => gateway.call('/v1/responses', undefined, { key: p.apiKey }),
    },
  ],
  request_timeout: [{ name: 'half a body', run: halfABody }],
  idempotency_conflict: [
    {
      name: 'another body under the same key',
      run: async (p) => {
        const headers = { 'idempotency-key': 'one' };
        await expectStatus(respond(p, { input: 'a' }, headers), 200);
        return respond(p, { input: 'b' }, headers);
      },
    },
  ],
  request_too_large: [{ name: '5 MB', run: (p) => respond(p, { input: 'a'.repeat(5 * 1024 * 1024) }) }],
  unsupported_media_type: [
    { name: 'plain text', run: (p) => raw(p, 'hello', { 'content-type': 'text/plain' }) },
    { name: 'compressed', run: (p) => raw(p, '{}', { 'content-encoding': 'gzip' }) },
  ],
  context_length_exceeded: [
    {
      name: 'a built-in that the operator told to refuse',
      param: 'input',
      run: (p) => respond(p, { model: IAB, input: 'word '.repeat(500) }),
    },
    {
      name: 'one of several texts',
      param: 'input[1]',
      endpoint: 'embeddings',
      run: (p) => {
        const body = { model: EMBED, input: ['a', 'word '.repeat(9_000)] };
        return gateway.call('/v1/embeddings', body, { key: p.apiKey });
      },
    },
  ],
  insufficient_quota: [
    { name: 'no balance', project: { balance: 0n }, run: (p) => respond(p, {}) },
    { name: 'less than it may cost', project: { balance: 1_000n }, run: (p) => respond(p, {}) },
  ],
  rate_limit_exceeded: [
    {
      name: 'requests',
      headers: RATE_LIMIT_HEADERS,
      run: async (p) => {
        for (let i = 0; i < REQUESTS_A_MINUTE; i++) await expectStatus(respond(p, {}), 200);
        return respond(p, {});
      },
    },
    {
      name: 'tokens',
      headers: RATE_LIMIT_HEADERS,
      run: async (p) => {
        const input = 'word '.repeat(9_000);
        for (let i = 0; i < 2; i++) await expectStatus(respond(p, { input }), 200);
        return respond(p, { input });
      },
    },
  ],
  client_closed_request: [{ name: 'hangs up while the model runs', run: hangUp }],
  internal_error: [
    {
      name: 'a model that breaks',
      run: (p) => {
        node.behaviour = ({ id }, broken) => broken.failed(id, 'internal', 'secret detail');
        return respond(p, {});
      },
    },
    {
      name: 'a node that answers in no form',
      endpoint: 'moderations',
      run: (p) => {
        node.behaviour = ({ id }, broken) => broken.done(id, '[{"flagged":"secret detail"}]');
        return gateway.call('/v1/moderations', { input: 'a' }, { key: p.apiKey });
      },
    },
    {
      name: 'a database that cannot hold money',
      run: (p) => withoutTable('ledger.holds', () => respond(p, {})),
    },
    {
      name: 'a database that cannot tell keys',
      logged: false,
      run: (p) => withoutTable('api_keys', () => respond(p, {})),
    },
  ],
  no_capacity: [
    {
      name: 'every node is busy',
      headers: RETRY_AFTER,
      run: (p) => {
        node.behaviour = ({ id }, busy) => busy.failed(id, 'busy');
        return respond(p, {});
      },
    },
  ],
  model_unavailable: [
    {
      name: 'a hub model without leave to stand in',
      headers: RETRY_AFTER,
      run: (p) => respond(p, { model: 'deberta-v3-small', metadata: { labels: ['a', 'b'] } }),
    },
    { name: 'nobody has it', headers: RETRY_AFTER, run: (p) => respond(p, { model: UNSERVED }) },
    {
      name: 'lost on the way',
      headers: RETRY_AFTER,
      run: async (p) => {
        upstream.behaviour = (_body, response) => response.destroy();
        return respond(p, { model: CHAT });
      },
    },
  ],
  upstream_timeout: [
    {
      name: 'a node that is silent',
      run: (p) => {
        node.behaviour = silent;
        return respond(p, {});
      },
    },
    {
      name: 'an upstream that hangs',
      run: (p) => {
        upstream.behaviour = () => undefined;
        return respond(p, { model: CHAT });
      },
    },
  ],
};

const CASES = together(
  OWN_CASES,
  fileCases(() => gateway),
);

test('every error that callers are told has a case, and every case is of such an error', () => {
  expect(Object.keys(CASES).sort()).toEqual([...OF_CALLERS].sort());
  for (const [code, cases] of Object.entries(CASES)) expect(cases.length, code).toBeGreaterThan(0);
});

describe.for(Object.keys(CASES).filter(isErrorCode))('%s', (code) => {
  test.for([...(CASES[code] ?? [])])('$name', async (example) => {
    const project = await gateway.newProject(example.project);
    const told = await example.run(project);
    if (told !== null) expectTold(code, example, told);
    await expectWritten(code, example, project, told?.headers.get('x-request-id') ?? null);
  });
});

test('every answer was as the OpenAPI document says', () => {
  expect(gateway.strayings).toEqual([]);
});

test('the books are right, and no money is held', async () => {
  expect(await gateway.violations()).toEqual([]);
  expect(await gateway.holds()).toBe(0);
});

function expectTold(code: ErrorCode, example: Case, told: Told): void {
  const { status, type } = ERRORS[code];
  expect(told.status).toBe(status);
  expect(told.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(isId('request', told.headers.get('x-request-id') ?? '')).toBe(true);
  for (const [name, value] of Object.entries(example.headers ?? {})) {
    expect(told.headers.get(name), name).toMatch(value);
  }
  const envelope = JSON.parse(told.text);
  expect(envelope).toEqual({
    error: { message: expect.any(String), type, code, param: example.param ?? null },
  });
  // Nothing of our inside: no stack, no driver's or node's words.
  expect(envelope.error.message).toMatch(/^[^\n]{10,400}$/);
  expect(envelope.error.message).not.toMatch(/secret detail|relation|\bat .*:\d+|Error:/);
}

/** The log's row is there, nothing was charged for the request, and nothing is held. */
async function expectWritten(
  code: ErrorCode,
  example: Case,
  project: Project,
  requestId: string | null,
): Promise<void> {
  if (example.logged === false) {
    expect(await gateway.logRow(requestId ?? '')).toBeNull();
  } else {
    const row = await gateway.eventually('the log row', () => rowOf(project, requestId));
    expect(row).toMatchObject({
      status: ERRORS[code].status,
      error_code: code,
      cost: 0n,
      served_model: null,
    });
    expect(row.endpoint).toBe(example.endpoint ?? 'responses');
    expect(await gateway.charged(row.id)).toBe(0n);
  }
  expect((await gateway.balance(project))?.held).toBe(0n);
}

/** By id; without one (nobody was told) the project's last. */
async function rowOf(project: Project, requestId: string | null) {
  if (requestId !== null) return gateway.logRow(requestId);
  const { rows } = await gateway.pool.query<{ id: string }>(
    'SELECT id FROM requests WHERE project_id = $1 ORDER BY id DESC LIMIT 1',
    [project.projectId],
  );
  return rows[0] ? gateway.logRow(rows[0].id) : null;
}

async function expectStatus(answer: Promise<CallAnswer>, status: number): Promise<void> {
  const { status: actual, text } = await answer;
  expect(actual, text).toBe(status);
}

/** A database in trouble: a table that is there for everybody else is gone for the length of one request. */
async function withoutTable<T>(table: string, during: () => Promise<T>): Promise<T> {
  const name = table.split('.').at(-1);
  const schema = table.includes('.') ? `${table.split('.')[0]}.` : '';
  await gateway.pool.query(`ALTER TABLE ${table} RENAME TO ${name}_gone`);
  try {
    return await during();
  } finally {
    await gateway.pool.query(`ALTER TABLE ${schema}${name}_gone RENAME TO ${name}`);
  }
}

function head(project: Project, length: number): string {
  return [
    'POST /v1/responses HTTP/1.1',
    'host: localhost',
    `x-api-key: ${project.apiKey}`,
    'content-type: application/json',
    `content-length: ${length}`,
    '\r\n',
  ].join('\r\n');
}

async function hangUp(project: Project): Promise<null> {
  node.behaviour = silent;
  const before = node.runs.length;
  const body = JSON.stringify(ask);
  const connection = await RawConnection.open(gateway.url);
  await connection.write(head(project, body.length) + body);
  const { id } = await node.ran(before + 1);
  connection.destroy();
  await node.cancels(id);
  return null;
}

async function halfABody(project: Project): Promise<Told> {
  const connection = await RawConnection.open(gateway.url);
  await connection.write(`${head(project, 100)}{"model":`);
  const answer = await connection.answer();
  await connection.closed;
  if (answer === null) throw new Error('Hung up without an answer');
  return {
    status: answer.status,
    text: answer.body,
    headers: { get: (name) => answer.headers.get(name) ?? null },
  };
}
