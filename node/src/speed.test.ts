import { setImmediate as nextRound } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type MeasuredSpeed, measureSpeed, SPEED_LASTS_MS, speedKey, speedOf } from './speed.ts';
import { Speeds } from './speeds.ts';
import { type Behaviour, END, hang, makeManifest, runtimeOf } from './testing/in-test-runtime.ts';

async function measured(behaviour: Behaviour, signal = new AbortController().signal) {
  const { runtime } = runtimeOf({ a: behaviour });
  const model = await runtime.load(makeManifest('a'), { read: () => Promise.reject(new Error('none')) }, []);
  return await measureSpeed(model, { turn: nextRound, now: () => clock.now, signal });
}

const clock = { now: 0 };

test('tells what any run takes from what its tokens take', async () => {
  // 5 ms for any run, and 0.5 ms a token.
  const behaviour: Behaviour = async function* ({ text }) {
    const inputTokens = text.split(' ').length;
    clock.now += 5 + 0.5 * inputTokens;
    yield { kind: 'text', text: '' };
    return { ...END, inputTokens };
  };
  const speed = await measured(behaviour);
  expect(speed?.baseMs).toBeCloseTo(5);
  expect(speed?.perThousandMs).toBeCloseTo(500);
});

test.each([
  [
    'a long run that was quicker',
    { tokens: 100, ms: 10 },
    { tokens: 400, ms: 4 },
    { baseMs: 10, perThousandMs: 0 },
  ],
  [
    'tokens that are not counted',
    { tokens: 3, ms: 1 },
    { tokens: 3, ms: 9 },
    { baseMs: 1, perThousandMs: 0 },
  ],
  [
    'all of the time for tokens',
    { tokens: 100, ms: 10 },
    { tokens: 400, ms: 70 },
    { baseMs: 0, perThousandMs: 200 },
  ],
])('%s', (_name, short, long, expected) => {
  expect(speedOf(short, long)).toEqual(expected);
});

test('a model that fails, or hangs, has no speed', async () => {
  const failing: Behaviour = () => {
    throw new Error('no');
  };
  expect(await measured(failing)).toBeNull();
  expect(await measured(hang, AbortSignal.timeout(5))).toBeNull();
});

test('speeds are kept for a week, by model and version', async () => {
  const kept = { now: new Map<string, MeasuredSpeed>() };
  const cache = {
    read: () => Promise.resolve(kept.now),
    async write(speeds: ReadonlyMap<string, MeasuredSpeed>) {
      kept.now = new Map(speeds);
    },
  };
  const time = { now: 1_000 };
  const opened = async () => {
    const speeds = new Speeds(cache, () => time.now);
    await speeds.read();
    return speeds;
  };
  const speed = { baseMs: 1, perThousandMs: 2 };
  const manifest = makeManifest('a');
  await (await opened()).learn(manifest, speed);
  expect((await opened()).of(manifest)).toEqual(speed);
  expect((await opened()).of({ ...manifest, version: '2' })).toBeNull();
  time.now += SPEED_LASTS_MS;
  expect((await opened()).of(manifest)).toBeNull();
  // A clock that was set back.
  time.now = 0;
  expect((await opened()).of(manifest)).toBeNull();
});

test('other weights of the same version are another model', () => {
  const withFile = (sha256: string) => ({ ...makeManifest('a'), files: [{ path: 'x', bytes: 1, sha256 }] });
  expect(speedKey(withFile('a'.repeat(64)))).not.toBe(speedKey(withFile('b'.repeat(64))));
});
