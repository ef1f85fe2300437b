import { findManifest } from '@zerogpu/catalogue';
import { ApiError } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  type Admission,
  type Choice,
  type FailureKind,
  type PieceSink,
  type Target,
  TargetFailure,
} from '../flow.ts';
import { inference } from '../testing/connected-nodes.ts';
import { CHAT, SUMMARY } from '../testing/scripted-node.ts';
import { dispatch } from './dispatch.ts';
import { Hedging } from './hedging.ts';

const never = new AbortController().signal;
const TEXT = 'The sky is blue.';

function admission(model = SUMMARY, deadline = Date.now() + 60_000): Admission {
  const manifest = findManifest(model);
  if (!manifest) throw new Error(`No ${model}`);
  const limits = { requests: null, tokens: null };
  const given = { manifest, inference: inference({ model }), inputTokens: 1, held: 1n, deadline, limits };
  return { ...given, tier: 'interactive' };
}

interface Script {
  readonly kind?: Target['kind'];
  /** Says this much of the answer first. */
  readonly pieces?: readonly string[];
  readonly fails?: FailureKind;
  readonly text?: string;
}

/** A target that says its pieces and then answers, fails, or waits for the signal. */
function target(id: string, { kind = 'node', pieces = [], fails, text = TEXT }: Script): Target {
  return {
    kind,
    organizationId: null,
    id,
    async run(_inference, _deadline, sink, signal) {
      signal.throwIfAborted();
      for (const piece of pieces) sink?.piece('text', piece);
      if (fails) throw new TargetFailure(fails, `${id} says ${fails}`, 'input');
      const reasoning = null;
      return { text, reasoning, toolCalls: [], finishReason: 'stop', usage: null, queueMs: 1, modelMs: 2 };
    },
  };
}

const hanging: Target = {
  kind: 'node',
  organizationId: null,
  id: 'hanging',
  run: (_inference, _deadline, _sink, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
};

function recorder(): { sink: PieceSink; got: () => string } {
  let got = '';
  return { sink: { piece: (_kind, text) => (got += text) }, got: () => got };
}

const send = (
  targets: Iterable<Target>,
  sink: PieceSink | null = null,
  given = admission(),
  hangup = never,
) => {
  const services = { now: Date.now, random: () => 0, hedging: new Hedging() };
  return dispatch(choices(targets), given, sink, hangup, services);
};

function* choices(targets: Iterable<Target>): Generator<Choice, undefined> {
  for (const target of targets) {
    yield { target, predictedMs: 1, fallback: target.kind === 'upstream', why: null };
  }
}

describe('dispatch', () => {
  test('asks for the next target only when one failed', async () => {
    const asked: string[] = [];
    function* targets() {
      for (const [id, fails] of [
        ['a', 'lost'],
        ['b', 'busy'],
        ['c', undefined],
        ['d', undefined],
      ] as const) {
        asked.push(id);
        yield target(id, fails ? { fails } : {});
      }
    }
    const { given, route } = await send(targets());
    expect(given.text).toBe(TEXT);
    expect(route).toMatchObject({
      kind: 'node',
      target: 'c',
      attempts: 3,
      fallback: false,
      queueMs: 1,
      modelMs: 2,
    });
    expect(route.networkMs).toBeGreaterThanOrEqual(0);
    expect(asked).toEqual(['a', 'b', 'c']);
  });

  test.each(['interactive', 'batch'] as const)(
    'tells every target how soon it is wanted: %s',
    async (tier) => {
      const told: unknown[] = [];
      const listening = (id: string, fails?: FailureKind): Target => {
        const base = target(id, fails ? { fails } : {});
        return {
          ...base,
          run(...args) {
            told.push([id, args[4]]);
            return base.run(...args);
          },
        };
      };
      await send([listening('a', 'busy'), listening('b')], null, { ...admission(), tier });
      expect(told).toEqual([
        ['a', tier],
        ['b', tier],
      ]);
    },
  );

  test('an upstream is the fallback', async () => {
    const { route } = await send([target('a', { fails: 'unavailable' }), target('u', { kind: 'upstream' })]);
    expect(route).toMatchObject({ kind: 'upstream', target: 'u', attempts: 2, fallback: true });
  });

  test('a request that does not fit the model is not given to another', async () => {
    const next = vi.fn();
    function* targets() {
      yield target('a', { fails: 'input' });
      next();
    }
    await expect(send(targets())).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'input',
      message: 'a says input',
    });
    expect(next).not.toHaveBeenCalled();
  });

  const kinds: readonly FailureKind[] = ['lost', 'busy', 'unavailable', 'internal', 'too_large'];

  /** What the caller is told when nobody answered, by what went wrong. */
  function expected(failed: readonly FailureKind[]): string {
    if (failed.length === 0) return 'model_unavailable';
    if (failed.every((kind) => kind === 'busy')) return 'no_capacity';
    if (failed.includes('too_large')) return 'request_too_large';
    return failed.includes('internal') ? 'internal_error' : 'model_unavailable';
  }

  test('failures in every order end as the table says, and say nothing of the targets', async () => {
    const failures = fc.array(fc.constantFrom(...kinds), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(failures, fc.boolean(), async (failed, isStream) => {
        const targets = failed.map((fails, i) => target(`secret-${i}`, { fails }));
        const error = await send(targets, isStream ? recorder().sink : null).catch(
          (thrown: unknown) => thrown,
        );
        if (!(error instanceof ApiError)) throw error;
        expect(error.code).toBe(expected(failed));
        expect(error.message).not.toContain('secret');
        if (error.row.status === 503) expect(error.retryAfterSeconds).toBeGreaterThan(0);
      }),
    );
  });

  test('whatever failed before, the first that answers is the answer', async () => {
    const failures = fc.array(fc.constantFrom(...kinds), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(failures, async (failed) => {
        const targets = [...failed.map((fails, i) => target(`t${i}`, { fails })), target('last', {})];
        expect((await send(targets)).route).toMatchObject({ target: 'last', attempts: failed.length + 1 });
      }),
    );
  });

  test('the deadline ends it, whoever has it', async () => {
    await expect(send([hanging], null, admission(SUMMARY, Date.now() + 20))).rejects.toMatchObject({
      code: 'upstream_timeout',
    });
    const late = admission(SUMMARY, Date.now() - 1000);
    await expect(send([hanging], null, late)).rejects.toMatchObject({ code: 'upstream_timeout' });
  });

  test('a caller who goes away ends it with the reason of the signal', async () => {
    const hangup = new AbortController();
    const sending = send([hanging], null, admission(), hangup.signal);
    hangup.abort(new ApiError('client_closed_request'));
    await expect(sending).rejects.toMatchObject({ code: 'client_closed_request' });
    const gone = send([target('a', {})], null, admission(), hangup.signal);
    await expect(gone).rejects.toMatchObject({ code: 'client_closed_request' });
  });

  test('leaves no timer behind', async () => {
    vi.useFakeTimers();
    await send([target('a', {})]);
    await send([target('a', { fails: 'lost' })]).catch(() => undefined);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  test('when all are full, callers come back when there is room, and not together', async () => {
    const full = (roomInMs: number | null): Target => ({
      ...target('full', {}),
      run: () => Promise.reject(new TargetFailure('busy', 'full', null, roomInMs)),
    });
    const retryAfter = async (rooms: readonly (number | null)[], random: number) => {
      const services = { now: Date.now, random: () => random, hedging: new Hedging() };
      const sending = dispatch(choices(rooms.map(full)), admission(), null, never, services);
      const error = await sending.catch((thrown: unknown) => thrown);
      if (!(error instanceof ApiError)) throw error;
      expect(error.code).toBe('no_capacity');
      return error.retryAfterSeconds;
    };
    expect(await retryAfter([null], 0)).toBe(1);
    expect(await retryAfter([9_000, 4_200], 0)).toBe(5);
    expect(await retryAfter([9_000, 4_200], 0.999)).toBe(7);
    expect(await retryAfter([600_000], 0)).toBe(60);
    expect(await retryAfter([3], 0)).toBe(1);
  });

  test('an error that is no failure of a target is nobody’s turn', async () => {
    const broken: Target = {
      kind: 'node',
      organizationId: null,
      id: 'a',
      run: () => Promise.reject(new RangeError('bug')),
    };
    await expect(send([broken, target('b', {})])).rejects.toThrow(RangeError);
  });
});

describe('a stream', () => {
  test('that broke is taken up where it stopped', async () => {
    const { sink, got } = recorder();
    const targets = [
      target('a', { pieces: ['The ', 'sky'], fails: 'lost' }),
      target('b', { pieces: ['The sky is'], fails: 'internal' }),
      target('c', { pieces: ['The sky'] }),
    ];
    expect((await send(targets, sink)).route).toMatchObject({ target: 'c', attempts: 3 });
    expect(got()).toBe(TEXT);
  });

  test('of which the next target says something else goes to one that does not', async () => {
    const { sink, got } = recorder();
    const targets = [
      target('a', { pieces: ['The '], fails: 'lost' }),
      target('liar', { pieces: ['An'], text: 'Another' }),
      target('short', { text: 'The' }),
      target('c', {}),
    ];
    const { given } = await send(targets, sink);
    expect([given.text, got()]).toEqual([TEXT, TEXT]);
  });

  test('is not taken up by another target when its model says something else each time', async () => {
    const { sink, got } = recorder();
    const second = vi.fn();
    function* targets() {
      yield target('a', { pieces: ['The '], fails: 'lost' });
      second();
      yield target('b', {});
    }
    await expect(send(targets(), sink, admission(CHAT))).rejects.toMatchObject({ code: 'model_unavailable' });
    expect(got()).toBe('The ');
    expect(second).not.toHaveBeenCalled();
  });

  test('that has not begun may go to another target, whatever the model', async () => {
    const { sink, got } = recorder();
    await send([target('a', { fails: 'lost' }), target('b', { pieces: [TEXT] })], sink, admission(CHAT));
    expect(got()).toBe(TEXT);
  });
});
