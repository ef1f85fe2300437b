/** What every route has in common, and the routes for operators: ids, CORS, methods, health, metrics, the document. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isId } from '@zerogpu/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from './support/managed-process.ts';
import { exchange } from './support/raw-http.ts';
import { announced, IAB, type ScriptedNode, SUMMARY } from './support/scripted-node.ts';
import { type CallAnswer, TestGateway } from './support/test-gateway.ts';

const ASK = { model: SUMMARY, input: 'The sky is blue.' };
const PAGE = 'https://app.example.com';

let gateway: TestGateway;
let node: ScriptedNode;

beforeAll(async () => {
  gateway = await TestGateway.start();
  node = await gateway.join({ models: [announced(SUMMARY)] });
});
afterAll(() => gateway.stop());

interface Visit {
  readonly method?: string;
  readonly route: string;
  readonly body?: object;
  readonly key?: null;
  readonly status: number;
}

const INSIDE: readonly Visit[] = [
  { route: '/v1/responses', body: ASK, status: 200 },
  { route: '/v1/responses', body: { ...ASK, stream: true }, status: 200 },
  { route: '/v1/responses', body: {}, status: 400 },
  { route: '/v1/responses', body: ASK, key: null, status: 401 },
  {
    route: '/v1/chat/completions',
    body: { model: SUMMARY, messages: [{ role: 'user', content: 'a' }] },
    status: 200,
  },
  { route: '/v1/summary', body: { text: 'The sky is blue.' }, status: 200 },
  { route: '/summary', body: { text: 'The sky is blue.' }, status: 200 },
  { route: '/summary?a=b', body: { text: 'The sky is blue.' }, status: 200 },
  { route: '/summary', body: {}, key: null, status: 401 },
  { route: '/v1/summary', body: {}, status: 400 },
  { route: '/v1/usecase/classify/iab', body: {}, status: 400 },
  { route: '/usecase/classify/iab', body: { text: 'a' }, status: 503 },
  { route: '/v1/gliner', body: { text: 'a', usecase: 'x' }, status: 400 },
  { route: '/gliner', status: 405 },
  { route: '/v1/embeddings', body: { model: SUMMARY, input: 'a' }, status: 400 },
  { route: '/v1/moderations', body: { input: 'a' }, status: 503 },
  { route: '/v1/models', status: 200 },
  { route: '/v1/models', key: null, status: 401 },
  { route: `/v1/models/${SUMMARY}`, status: 200 },
  { route: '/v1/models/none', status: 404 },
  { route: '/v1/models/meta-llama/Llama%203', status: 404 },
  { route: '/v1/responses', status: 405 },
  { route: '/v1/chat/completions', method: 'DELETE', status: 405 },
  { route: '/v1/models', method: 'PUT', body: {}, status: 405 },
  { route: `/v1/models/${SUMMARY}`, method: 'POST', body: {}, status: 405 },
  { route: '/v1/files', status: 200 },
  { route: '/v1/files', key: null, status: 401 },
  { route: '/v1/files', body: {}, status: 400 },
  { route: '/v1/files?limit=0', status: 400 },
  { route: '/v1/files', method: 'PUT', body: {}, status: 405 },
  { route: '/v1/files/none', status: 404 },
  { route: '/v1/files/none/content', status: 404 },
  { route: '/v1/files/none', method: 'DELETE', status: 404 },
  { route: '/v1/files/none', method: 'POST', body: {}, status: 405 },
  { route: '/v1/files/none/nothing', status: 404 },
  { route: '/v1/nodes/models/none', key: null, status: 404 },
  { route: '/v1/nodes/models/none', method: 'POST', body: {}, key: null, status: 405 },
  { route: '/v1/nothing', status: 404 },
  { route: '/v1/nothing', body: {}, status: 404 },
  { route: '/v1/responses/', body: ASK, status: 404 },
];
const OUTSIDE: readonly Visit[] = [
  { route: '/health', key: null, status: 200 },
  { route: '/health/live', key: null, status: 200 },
  { route: '/health/ready', key: null, status: 200 },
  { route: '/metrics', key: null, status: 200 },
  { route: '/openapi.json', key: null, status: 200 },
  { route: '/nothing', key: null, status: 404 },
  { route: '/embeddings', body: {}, key: null, status: 404 },
  { route: '/responses', body: {}, key: null, status: 404 },
  // Read as a pattern, not as an address, this would be an error of the router.
  { route: '/*/nothing', key: null, status: 404 },
  { route: '/health', method: 'POST', body: {}, key: null, status: 405 },
];

function visit(
  { method, route, body, key }: Visit,
  headers: Record<string, string> = {},
): Promise<CallAnswer> {
  return gateway.call(route, body, {
    headers,
    ...(method ? { method } : {}),
    ...(key === null ? { key } : {}),
  });
}

const title = ({ method, route, body, key, status }: Visit): string =>
  `${method ?? (body ? 'POST' : 'GET')} ${route}${key === null ? ' without a key' : ''} → ${status}`;

describe('every answer', () => {
  test.for([...INSIDE, ...OUTSIDE].map((one) => [title(one), one] as const))('%s', async ([, one]) => {
    const answer = await visit(one);
    expect(answer.status, answer.text).toBe(one.status);
    expect(isId('request', answer.requestId)).toBe(true);
    expect((await visit(one)).requestId).not.toBe(answer.requestId);
    if (one.status < 400) return;
    expect(answer.json).toEqual({
      error: {
        message: expect.stringMatching(/.{10}/),
        type: expect.any(String),
        code: expect.any(String),
        param: answer.json.error.param,
      },
    });
  });
});

describe('CORS', () => {
  test.for(INSIDE.map((one) => [title(one), one] as const))('is open: %s', async ([, one]) => {
    const { headers } = await visit(one, { origin: PAGE });
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    const exposed = headers.get('access-control-expose-headers')?.split(/\s*,\s*/);
    expect(exposed).toEqual(expect.arrayContaining(['x-request-id', 'retry-after', 'idempotent-replayed']));
    expect(exposed).toEqual(
      expect.arrayContaining([
        'x-ratelimit-remaining-requests',
        'x-ratelimit-reset-tokens',
        'x-zerogpu-requested-model',
        'x-zerogpu-route',
        'x-zerogpu-node-class',
        'x-zerogpu-region',
      ]),
    );
  });

  const PREFLIGHTS = [
    '/v1/responses',
    '/v1/chat/completions',
    '/v1/models',
    `/v1/models/${SUMMARY}`,
    '/v1/embeddings',
    '/v1/files',
    '/v1/files/none/content',
    '/gliner',
    '/usecase/classify/iab?a=b',
  ];
  test.for(PREFLIGHTS)('preflight of %s', async (route) => {
    const asked = {
      origin: PAGE,
      'access-control-request-method': 'POST',
      'access-control-request-headers':
        'authorization, content-type, idempotency-key, x-api-key, x-stainless-os',
    };
    const { status, headers, text, requestId } = await gateway.call(route, undefined, {
      method: 'OPTIONS',
      key: null,
      headers: asked,
    });
    expect(status).toBe(204);
    expect(text).toBe('');
    expect(isId('request', requestId)).toBe(true);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-methods')).toMatch(/\bPOST\b/);
    expect(headers.get('access-control-allow-methods')).toMatch(/\bGET\b/);
    // A star does not stand for authorization: that one is named.
    expect(headers.get('access-control-allow-headers')?.split(/\s*,\s*/)).toEqual(['*', 'authorization']);
    expect(Number(headers.get('access-control-max-age'))).toBeGreaterThan(0);
  });

  test.for(OUTSIDE.map((one) => [title(one), one] as const))('is closed: %s', async ([, one]) => {
    const { headers } = await visit(one, { origin: PAGE });
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  test('is closed outside the API for preflights too', async () => {
    const { status, headers } = await gateway.call('/metrics', undefined, {
      method: 'OPTIONS',
      key: null,
      headers: { origin: PAGE },
    });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('methods', () => {
  test.for(['/health', '/openapi.json', '/v1/models', '/metrics', '/nothing'])(
    'HEAD %s is GET without a body',
    async (route) => {
      const get = await gateway.call(route);
      const sent = `HEAD ${route} HTTP/1.1\r\nhost: a\r\nx-api-key: ${gateway.first.apiKey}\r\nconnection: close\r\n\r\n`;
      const answer = await exchange(gateway.url, sent, { head: true });
      expect(answer?.status).toBe(get.status);
      expect(answer?.headers.get('content-type')).toBe(get.headers.get('content-type'));
      expect(isId('request', answer?.headers.get('x-request-id') ?? '')).toBe(true);
      expect(answer?.body).toBe('');
    },
  );

  test('405 names the methods that are allowed', async () => {
    const wrong = await gateway.call('/v1/responses');
    expect(wrong.headers.get('allow')).toBe('POST');
    expect(wrong.json.error).toMatchObject({
      code: 'method_not_allowed',
      message: expect.stringContaining('POST'),
    });
    const list = await gateway.call('/v1/models', {});
    expect(list.headers.get('allow')).toBe('GET, HEAD');
  });
});

describe('keys', () => {
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

  test('are taken from x-api-key or authorization, and x-api-key wins', async () => {
    const { apiKey, projectId } = gateway.first;
    const status = async (headers: Record<string, string>) =>
      (await gateway.call('/v1/models', undefined, { key: null, headers })).status;
    expect(await status({ 'x-api-key': apiKey })).toBe(200);
    expect(await status(bearer(apiKey))).toBe(200);
    expect(await status({ authorization: `bearer  ${apiKey}` })).toBe(200);
    expect(await status({ 'x-api-key': apiKey, ...bearer('dummy') })).toBe(200);
    expect(await status({ 'x-api-key': 'dummy', ...bearer(apiKey) })).toBe(401);
    expect(await status({ authorization: apiKey })).toBe(401);
    expect(await status({ authorization: `Basic ${apiKey}` })).toBe(401);
    expect(await status({ 'x-api-key': apiKey, 'x-project-id': projectId })).toBe(200);
    expect(await status({ 'x-api-key': apiKey, 'x-project-id': crypto.randomUUID() })).toBe(403);
  });

  test('that are revoked are refused within a second', async () => {
    const { apiKey, keyId } = await gateway.newProject();
    const status = async () => (await gateway.call('/v1/models', undefined, { key: apiKey })).status;
    expect(await status()).toBe(200);
    await gateway.pool.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [keyId]);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await status()).toBe(401);
  });
});

describe('models', () => {
  test('tell what they cost, where they answer and whether anything serves them now', async () => {
    const { json } = await gateway.call('/v1/models');
    expect(json.object).toBe('list');
    const byId = new Map<string, { zerogpu: object }>(
      json.data.map((model: { id: string }) => [model.id, model]),
    );
    expect(byId.get(SUMMARY)?.zerogpu).toMatchObject({
      task: 'summarization',
      max_tokens: 8192,
      error_on_max_token: false,
      price_per_million: { input: '0.02', output: '0.05' },
      routes: ['/v1/responses', '/v1/chat/completions', '/v1/summary'],
      available: true,
      edge_nodes: 1,
      fallback: false,
    });
    expect(byId.get(IAB)?.zerogpu).toMatchObject({ available: false, edge_nodes: 0 });
  });

  test('are only those that the project may use', async () => {
    const { apiKey } = await gateway.newProject({ allowedModels: [IAB] });
    const { json } = await gateway.call('/v1/models', undefined, { key: apiKey });
    expect(json.data.map(({ id }: { id: string }) => id)).toEqual([IAB]);
  });
});

describe('for operators', () => {
  test('health names its parts', async () => {
    const { json } = await gateway.call('/health', undefined, { key: null });
    const ok = { status: 'ok', error: null };
    const components = { worker: ok, deviceRegistry: ok, keys: ok, database: ok, cloudInference: ok };
    expect(json).toEqual({ status: 'ok', components });
  });

  test('health without a node is not ok, and says so', async () => {
    await node.leave();
    const { json } = await gateway.call('/health', undefined, { key: null });
    expect(json.status).toBe('down');
    expect(json.components.deviceRegistry).toEqual({ status: 'degraded', error: expect.any(String) });
    expect((await gateway.call('/health/ready', undefined, { key: null })).status).toBe(200);
    expect((await gateway.call('/v1/responses', ASK)).json.error.code).toBe('model_unavailable');
    node = await gateway.join({ models: [announced(SUMMARY)] });
  });

  test('metrics count what was settled, in the form of Prometheus', async () => {
    const count = async () => {
      const { text } = await gateway.call('/metrics', undefined, { key: null });
      return Number(
        /^zerogpu_requests_total\{endpoint="responses",status="200"\} (\d+)$/m.exec(text)?.[1] ?? 0,
      );
    };
    const before = await count();
    await gateway.call('/v1/responses', ASK);
    expect(await count()).toBe(before + 1);
    const { headers, text } = await gateway.call('/metrics', undefined, { key: null });
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const line of text.split('\n').filter((one) => one !== ''))
      expect(line).toMatch(/^(#|[a-z_][a-z0-9_]*(\{[^}]*\})? \S+$)/i);
    expect(text).toMatch(/^zerogpu_nodes_connected 1$/m);
    // Nothing of a caller: neither prompts nor keys.
    expect(text).not.toContain('sky');
    expect(text).not.toContain('zgpu-api');
  });

  test('/openapi.json is the committed one', async () => {
    const { json } = await gateway.call('/openapi.json', undefined, { key: null });
    expect(json).toEqual(JSON.parse(await readFile(path.join(ROOT, 'protocol/openapi.json'), 'utf8')));
  });
});

test('every answer was as the OpenAPI document says, and nothing broke', () => {
  expect(gateway.strayings).toEqual([]);
  expect(gateway.told).toEqual([]);
});
