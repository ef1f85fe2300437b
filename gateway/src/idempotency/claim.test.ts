import { describe, expect, test } from 'vitest';
import { type Caller, type StoredAnswer, UNLIMITED } from '../flow.ts';
import { answer } from '../testing/answers.ts';
import { claimIdempotency } from './claim.ts';
import type { ClaimRequest, ClaimResult } from './idempotency-store.ts';

const caller: Caller = {
  keyId: 'k',
  projectId: 'p',
  organizationId: 'o',
  walletId: 'w',
  allowedModels: null,
  limits: UNLIMITED,
  standIns: null,
  privacy: 'own',
  upstreams: false,
  payloadPolicy: 'errors',
  payloadDays: 30,
};
const stored: StoredAnswer = { requestId: 'req_1', answer: answer(), createdAt: 1 };
const never = new AbortController().signal;

/** Answers in turn, the last one for good. */
function scripted(...results: ClaimResult['kind'][]) {
  const asked: ClaimRequest[] = [];
  const claim = async (request: ClaimRequest): Promise<ClaimResult> => {
    asked.push(request);
    const kind = results.length > 1 ? (results.shift() ?? 'running') : (results[0] ?? 'running');
    return kind === 'replay' ? { kind, stored } : { kind };
  };
  return { asked, store: { claim } };
}

interface Ask {
  readonly key?: string;
  readonly body?: string;
  readonly route?: 'responses' | 'chat/completions';
  readonly deadlineMs?: number;
  readonly hangup?: AbortSignal;
}

function ask(store: ReturnType<typeof scripted>['store'], { key, body = '{}', ...rest }: Ask) {
  const headers = key === undefined ? {} : { 'idempotency-key': key };
  const { route = 'responses', deadlineMs = 60_000, hangup = never } = rest;
  const attempt = { caller, route, headers, body: Buffer.from(body), requestId: 'req_2', deadlineMs, hangup };
  return claimIdempotency(store, attempt);
}

describe('claimIdempotency', () => {
  test('asks nothing without a key', async () => {
    const { asked, store } = scripted('claimed');
    expect(await ask(store, {})).toBeNull();
    expect(asked).toEqual([]);
  });

  test.each(['', 'x'.repeat(256)])('refuses the key %j', async (key) => {
    const { asked, store } = scripted('claimed');
    await expect(ask(store, { key })).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'Idempotency-Key',
    });
    expect(asked).toEqual([]);
  });

  test('claims for its project, for longer than the request can still be charged', async () => {
    const { asked, store } = scripted('claimed');
    const before = Date.now();
    expect(await ask(store, { key: 'x'.repeat(255), deadlineMs: 1000 })).toEqual({
      kind: 'claimed',
      key: 'x'.repeat(255),
    });
    expect(asked).toMatchObject([{ projectId: 'p', requestId: 'req_2' }]);
    expect(asked[0]?.lockedUntil).toBeGreaterThanOrEqual(before + 1000 + 15_000);
  });

  test('another body or another route is another request', async () => {
    const { asked, store } = scripted('claimed');
    const asks: Ask[] = [{}, {}, { body: '{ }' }, { route: 'chat/completions' }];
    for (const one of asks) await ask(store, { key: 'k', ...one });
    const hashes = asked.map((request) => Buffer.from(request.bodyHash).toString('hex'));
    expect(hashes[0]).toBe(hashes[1]);
    expect(new Set(hashes).size).toBe(3);
  });

  test('replays, and refuses a key that was used with another body', async () => {
    expect(await ask(scripted('replay').store, { key: 'k' })).toEqual({ kind: 'replay', stored });
    await expect(ask(scripted('conflict').store, { key: 'k' })).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
  });

  test('waits for the attempt that runs, and takes what it left', async () => {
    const replayed = scripted('running', 'running', 'replay');
    expect(await ask(replayed.store, { key: 'k' })).toEqual({ kind: 'replay', stored });
    expect(replayed.asked).toHaveLength(3);
    expect(await ask(scripted('running', 'claimed').store, { key: 'k' })).toEqual({
      kind: 'claimed',
      key: 'k',
    });
  });

  test('waits no longer than its deadline', async () => {
    await expect(ask(scripted('running').store, { key: 'k', deadlineMs: 50 })).rejects.toMatchObject({
      code: 'upstream_timeout',
    });
  });

  test('stops waiting when the caller goes away, with the reason of the signal', async () => {
    const hangup = new AbortController();
    const waiting = ask(scripted('running').store, { key: 'k', hangup: hangup.signal });
    hangup.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
  });
});
