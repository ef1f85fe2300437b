/** Late and silent targets, by a clock that only the test moves. */
import { findManifest } from '@zerogpu/catalogue';
import { ApiError, type Tier } from '@zerogpu/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Choice, FailureKind, Origin, PieceSink } from '../flow.ts';
import { inference } from '../testing/connected-nodes.ts';
import { CHAT, SUMMARY } from '../testing/scripted-node.ts';
import { choiceOf, scripted, type TargetScript, TEXT } from '../testing/scripted-targets.ts';
import { dispatch } from './dispatch.ts';
import { Hedging } from './hedging.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LATE_MS = 100;

/** Knows that runs take up to a tenth of a second, and has some hedges saved. */
function experienced(model = SUMMARY, stream = false): Hedging {
  const hedging = new Hedging();
  for (let i = 0; i < 64; i++) hedging.took({ model, stream, tokens: 1 }, LATE_MS);
  for (let i = 0; i < 500; i++) hedging.begun(model);
  return hedging;
}

interface Sent {
  readonly hedging?: Hedging;
  readonly model?: string;
  readonly tier?: Tier;
  readonly sink?: PieceSink;
  readonly origins?: (Origin | null)[];
}

function send(choices: Iterable<Choice>, { model = SUMMARY, tier = 'interactive', ...given }: Sent = {}) {
  const { sink = null, hedging = experienced(model, sink !== null), origins } = given;
  const manifest = findManifest(model);
  if (!manifest) throw new Error(`No ${model}`);
  const asked = {
    manifest,
    tier,
    inference: inference({ model }),
    inputTokens: 1,
    deadline: Date.now() + 60_000,
  };
  const hangup = new AbortController();
  const from = (origin: Origin | null) => origins?.push(origin);
  const services = { now: Date.now, random: () => 0, hedging, from };
  const result = dispatch(choices, asked, sink, hangup.signal, services);
  result.catch(() => undefined);
  return { result, hangup };
}

/** @returns what became of it within so long; null while it is under way */
async function within<T>(ms: number, result: Promise<T>): Promise<T | null> {
  let ended: { readonly value: Promise<T> } | null = null;
  const over = () => {
    ended = { value: result };
  };
  result.then(over, over);
  await vi.advanceTimersByTimeAsync(ms);
  return ended === null ? null : result;
}

function recorder() {
  const got = { text: '' };
  const sink: PieceSink = {
    piece: (_kind, text) => {
      got.text += text;
    },
  };
  return { sink, got };
}

describe('a hedge', () => {
  test('is sent when a run is late; the first answer counts, and the other run is cancelled at once', async () => {
    const [slow, quick] = [scripted('slow', { endsAfterMs: 5_000 }), scripted('quick', { endsAfterMs: 10 })];
    const { result } = send([choiceOf(slow), choiceOf(quick)]);
    expect(await within(LATE_MS - 1, result)).toBeNull();
    expect(quick.inFlight).toBe(0);
    expect((await within(11, result))?.route).toMatchObject({ target: 'quick', hedged: true, attempts: 2 });
    expect([slow.ends, quick.ends]).toEqual([['cancelled'], ['answered']]);
  });

  test('loses when the first run answers after all', async () => {
    const [slow, hedge] = [scripted('slow', { endsAfterMs: 150 }), scripted('hedge', { endsAfterMs: 5_000 })];
    const { result } = send([choiceOf(slow), choiceOf(hedge)]);
    expect((await within(150, result))?.route).toMatchObject({ target: 'slow', hedged: true });
    expect([slow.ends, hedge.ends]).toEqual([['answered'], ['cancelled']]);
  });

  test('that fails leaves the first run what it is; and the other way round', async () => {
    for (const [first, second] of [
      [{ endsAfterMs: 400 }, { endsAfterMs: 10, fails: 'lost' }],
      [{ endsAfterMs: 120, fails: 'lost' }, { endsAfterMs: 400 }],
    ] as const) {
      const all = [scripted('a', first), scripted('b', second), scripted('c', { endsAfterMs: 0 })];
      const { result } = send(all.map((one) => choiceOf(one)));
      expect((await within(1_000, result))?.given.text).toBe(TEXT);
      // Whoever has the request finishes it: nobody else is asked.
      expect(all[2]?.ends).toEqual([]);
    }
  });

  test('is not sent to who has no room, without a budget, twice, for batches, or where nothing is known', async () => {
    const untouched = async (second: TargetScript, sent: Sent) => {
      const other = scripted('other', second);
      const { result } = send([choiceOf(scripted('slow', { endsAfterMs: 900 })), choiceOf(other)], sent);
      expect((await within(2_000, result))?.route).toMatchObject({ target: 'slow', hedged: false });
      expect(other.ends).toEqual([]);
    };
    const poor = new Hedging();
    for (let i = 0; i < 64; i++) poor.took({ model: SUMMARY, stream: false, tokens: 1 }, LATE_MS);
    await untouched({ endsAfterMs: 0, idle: false }, {});
    await untouched({ endsAfterMs: 0 }, { hedging: poor });
    await untouched({ endsAfterMs: 0 }, { tier: 'batch' });
    await untouched({ endsAfterMs: 0 }, { hedging: new Hedging() });
    const [b, c] = [scripted('b', { endsAfterMs: 900 }), scripted('c', { endsAfterMs: 0 })];
    const { result } = send([choiceOf(scripted('a', { endsAfterMs: 900 })), choiceOf(b), choiceOf(c)]);
    await within(1_000, result);
    expect([b.ends, c.ends]).toEqual([['cancelled'], []]);
  });

  test('who had no room for it is the next to be tried', async () => {
    const [full, other] = [
      scripted('full', { endsAfterMs: 5, idle: false }),
      scripted('other', { endsAfterMs: 5 }),
    ];
    const { result } = send([
      choiceOf(scripted('slow', { endsAfterMs: 500, fails: 'internal' })),
      choiceOf(full),
      choiceOf(other),
    ]);
    expect((await within(600, result))?.route).toMatchObject({ target: 'full', attempts: 2, hedged: false });
  });

  test('finds nobody: whoever joins later is tried when the run fails', async () => {
    const joined: Choice[] = [choiceOf(scripted('slow', { endsAfterMs: 500, fails: 'lost' }))];
    const choices: IterableIterator<Choice, undefined> = {
      next() {
        const value = joined.shift();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      [Symbol.iterator]: () => choices,
    };
    const { result } = send(choices);
    expect(await within(400, result)).toBeNull();
    joined.push(choiceOf(scripted('new', { endsAfterMs: 1 })));
    expect((await within(400, result))?.route).toMatchObject({ target: 'new', attempts: 2 });
  });

  test('of a stream: both say the same bytes, and the caller has each once', async () => {
    const { sink, got } = recorder();
    const stuck = scripted('stuck', { pieces: [[5, 'The sky ']], endsAfterMs: null });
    const other = scripted('other', {
      pieces: [
        [1, 'The '],
        [1, 'sky is '],
        [1, 'blue.'],
      ],
      endsAfterMs: 1,
    });
    const { result } = send([choiceOf(stuck), choiceOf(other)], { sink });
    expect((await within(200, result))?.route).toMatchObject({ target: 'other', hedged: true });
    expect(got.text).toBe(TEXT);
    expect(stuck.ends).toEqual(['cancelled']);
  });

  test('of a model that says something else each time: only while nothing was said, and who speaks first is heard', async () => {
    const begun = scripted('begun', { pieces: [[5, 'A ']], endsAfterMs: 500, text: 'A cat.' });
    const other = scripted('other', { endsAfterMs: 0 });
    const first = recorder();
    const one = send([choiceOf(begun), choiceOf(other)], { sink: first.sink, model: CHAT });
    expect((await within(1_000, one.result))?.route).toMatchObject({ target: 'begun', hedged: false });
    expect([first.got.text, other.ends]).toEqual(['A cat.', []]);

    const late = scripted('late', { pieces: [[150, 'A ']], endsAfterMs: 500, text: 'A cat.' });
    const hedge = scripted('hedge', { pieces: [[300, 'A dog']], endsAfterMs: 0, text: 'A dog.' });
    const second = recorder();
    const two = send([choiceOf(late), choiceOf(hedge)], { sink: second.sink, model: CHAT });
    expect((await within(1_000, two.result))?.route).toMatchObject({ target: 'late', hedged: true });
    expect([second.got.text, hedge.ends]).toEqual(['A cat.', ['cancelled']]);
  });
});

describe('a late run that still waits for its turn', () => {
  const waiting = (more: Partial<TargetScript> = {}) =>
    scripted('slow', { endsAfterMs: 5_000, waits: true, ...more });

  test('goes to who is idle, for which no hedge is needed', async () => {
    const poor = new Hedging();
    for (let i = 0; i < 64; i++) poor.took({ model: SUMMARY, stream: false, tokens: 1 }, LATE_MS);
    for (const hedging of [poor, experienced()]) {
      const before = hedging.saved(SUMMARY);
      const [slow, quick] = [waiting(), scripted('quick', { endsAfterMs: 10 })];
      const { result } = send([choiceOf(slow), choiceOf(quick)], { hedging });
      expect(await within(LATE_MS - 1, result)).toBeNull();
      expect((await within(11, result))?.route).toMatchObject({
        target: 'quick',
        hedged: false,
        attempts: 2,
      });
      expect([slow.ends, quick.ends]).toEqual([['cancelled'], ['answered']]);
      expect(hedging.saved(SUMMARY)).toBeGreaterThanOrEqual(before);
    }
  });

  test('stays where nobody is idle, and once it is sent', async () => {
    const elsewhere = scripted('elsewhere', { endsAfterMs: 0, idle: false });
    const stays = send([choiceOf(waiting({ endsAfterMs: 900 })), choiceOf(elsewhere)]);
    expect((await within(2_000, stays.result))?.route).toMatchObject({ target: 'slow', hedged: false });
    expect(elsewhere.ends).toEqual([]);
    const sent = send([choiceOf(waiting({ waits: false })), choiceOf(scripted('b', { endsAfterMs: 10 }))]);
    expect((await within(2_000, sent.result))?.route).toMatchObject({ target: 'b', hedged: true });
  });

  test('may go on from there, and fails over as any other', async () => {
    const [a, b, c] = [
      waiting(),
      scripted('b', { endsAfterMs: 20, fails: 'lost', waits: true }),
      scripted('c', { endsAfterMs: 5 }),
    ];
    const { result } = send([a, b, c].map((one) => choiceOf(one)));
    expect((await within(500, result))?.route).toMatchObject({ target: 'c', attempts: 3, hedged: false });
    expect([a.ends, b.ends, c.ends]).toEqual([['cancelled'], ['failed'], ['answered']]);
  });

  test('comes back when the idle one only looked idle because it fails at once, and there is nobody else', async () => {
    const [good, bad] = [
      waiting({ endsAfterMs: LATE_MS + 50 }),
      scripted('bad', { endsAfterMs: 1, fails: 'internal' }),
    ];
    const { result } = send([choiceOf(good), choiceOf(bad)]);
    expect((await within(2_000, result))?.route).toMatchObject({ target: 'slow', attempts: 3 });
    expect([good.ends, bad.ends]).toEqual([['cancelled', 'answered'], ['failed']]);
  });
});

describe('a target that seems gone', () => {
  test('is asked for a sign of life; without one the run goes elsewhere at once', async () => {
    const frozen = scripted('frozen', { endsAfterMs: null, alive: false });
    const { result } = send([choiceOf(frozen, 10), choiceOf(scripted('b', { endsAfterMs: 5 }))], {
      hedging: new Hedging(),
    });
    expect(await within(1_900, result)).toBeNull();
    expect((await within(200, result))?.route).toMatchObject({ target: 'b', attempts: 2, hedged: false });
    expect(frozen.ends).toEqual(['cancelled']);
  });

  test('that lives is left to its work, and asked again less and less often', async () => {
    const busy = scripted('busy', { endsAfterMs: 20_000, alive: true });
    const { result } = send([choiceOf(busy, 10), choiceOf(scripted('b', { endsAfterMs: 5 }))], {
      hedging: new Hedging(),
    });
    expect((await within(20_000, result))?.route).toMatchObject({ target: 'busy', attempts: 1 });
    expect(busy.asked).toBe(5);
  });

  test('is not asked before eight times what it was predicted to take, nor while it speaks', async () => {
    const slow = scripted('slow', { endsAfterMs: 3_900, alive: false });
    const { result } = send([choiceOf(slow, 500)], { hedging: new Hedging() });
    expect((await within(4_000, result))?.route.target).toBe('slow');
    const pieces = Array.from(TEXT, (letter) => [400, letter] as const);
    const talking = scripted('talking', { pieces, endsAfterMs: 1, alive: false });
    const stream = send([choiceOf(talking)], { sink: recorder().sink, hedging: new Hedging() });
    expect((await within(10_000, stream.result))?.route.target).toBe('talking');
    expect([slow.asked, talking.asked]).toEqual([0, 0]);
  });
});

test('tells who is about to answer, and that nobody is any more', async () => {
  const origins: (Origin | null)[] = [];
  const edge = { class: 'edge', deviceClass: 'server', region: null };
  const failing = choiceOf(scripted('a', { endsAfterMs: 1, fails: 'lost' }));
  const { result } = send([failing, choiceOf(scripted('u', { kind: 'upstream', endsAfterMs: 1 }))], {
    origins,
  });
  await within(10, result);
  expect(origins[0]).toMatchObject(edge);
  expect(origins.at(-1)).toMatchObject({ class: 'upstream', deviceClass: null, region: null });
  const none = send([failing], { origins });
  await expect(within(10, none.result)).rejects.toThrow(ApiError);
  expect(origins.at(-1)).toBeNull();
});

test('whatever targets do: one answer at most, every slot left, every loser cancelled, no timer left', async () => {
  const kinds: readonly FailureKind[] = ['lost', 'busy', 'unavailable', 'internal', 'too_large', 'input'];
  const cut = fc.integer({ min: 0, max: TEXT.length });
  const ms = fc.integer({ min: 0, max: 400 });
  const script = fc.record(
    {
      pieces: fc
        .tuple(ms, cut, ms)
        .map(([a, at, b]) => [[a, TEXT.slice(0, at)] as const, [b, TEXT.slice(at)] as const]),
      endsAfterMs: fc.option(fc.integer({ min: 0, max: 5_000 }), { freq: 4 }),
      fails: fc.constantFrom(...kinds),
      idle: fc.boolean(),
      alive: fc.boolean(),
      text: fc.constantFrom(TEXT, TEXT, TEXT, 'A lie.'),
      kind: fc.constantFrom('node', 'node', 'upstream' as const),
    },
    { requiredKeys: ['endsAfterMs'] },
  );
  const given = fc.record({
    scripts: fc.array(script, { maxLength: 5 }),
    stream: fc.boolean(),
    model: fc.constantFrom(SUMMARY, CHAT),
    tier: fc.constantFrom('interactive', 'batch' as const),
    hangupMs: fc.option(fc.integer({ min: 0, max: 3_000 })),
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ scripts, stream, model, tier, hangupMs }) => {
      const targets = scripts.map((one, i) => scripted(`t${i}`, one));
      const { sink, got } = recorder();
      const { result, hangup } = send(
        targets.map((one) => choiceOf(one)),
        { model, tier, ...(stream ? { sink } : {}) },
      );
      if (hangupMs !== null) setTimeout(() => hangup.abort(new ApiError('client_closed_request')), hangupMs);
      const outcome = await within(70_000, result).catch((error: unknown) => error);
      // By its deadline everything has ended, one way or the other.
      expect(outcome).not.toBeNull();
      expect(vi.getTimerCount()).toBe(0);
      const ends = targets.flatMap((one) => one.ends);
      expect(targets.map((one) => one.inFlight)).toEqual(targets.map(() => 0));
      if (outcome instanceof ApiError) return;
      const { given: answer, route } = Object(outcome);
      expect(ends.filter((end) => end === 'answered').length).toBeGreaterThanOrEqual(1);
      expect(route.attempts).toBe(ends.length);
      if (stream) expect(got.text).toBe(answer.text);
    }),
    { numRuns: 300 },
  );
});
