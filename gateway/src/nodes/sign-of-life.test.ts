import { stat } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Target } from '../flow.ts';
import { inference, NodeFloor } from '../testing/connected-nodes.ts';
import { announced, IAB, type ScriptedNode, SUMMARY } from '../testing/scripted-node.ts';
import { SignOfLife } from './sign-of-life.ts';

describe('SignOfLife', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function asked() {
    const told: string[] = [];
    const tell = (word: string) => () => void told.push(word);
    return { told, life: new SignOfLife({ ask: tell('ask'), lost: tell('lost'), back: tell('back') }) };
  }

  test('whoever asks while somebody does shares the question and the answer', async () => {
    const { told, life } = asked();
    const answers = [life.asked(1_000), life.asked(5_000)];
    life.heard();
    expect(await Promise.all(answers)).toEqual([true, true]);
    expect([told, vi.getTimerCount()]).toEqual([['ask'], 0]);
  });

  test('who gives no sign in time is silent until it gives one', async () => {
    const { told, life } = asked();
    const answer = life.asked(1_000);
    await vi.advanceTimersByTimeAsync(1_001);
    expect([await answer, life.silent, told]).toEqual([false, true, ['ask', 'lost']]);
    const again = life.asked(1_000);
    await vi.advanceTimersByTimeAsync(1_001);
    expect([await again, told]).toEqual([false, ['ask', 'lost', 'ask']]);
    life.heard();
    life.heard();
    expect([life.silent, told.at(-1), told.length]).toEqual([false, 'back', 4]);
  });

  test('the end of the socket is an answer, and leaves no timer', async () => {
    const { told, life } = asked();
    const answer = life.asked(1_000);
    life.end();
    expect([await answer, vi.getTimerCount(), told]).toEqual([false, 0, ['ask']]);
  });
});

test('nobody is blamed when the gateway itself stood still: what lies unread is read first', async () => {
  const life = new SignOfLife({ ask() {}, lost() {}, back() {} });
  const answer = life.asked(5);
  // Ready at once, as a pong that has come, and read only when this turn is over.
  stat('.', () => life.heard());
  const until = performance.now() + 100;
  while (performance.now() < until);
  expect(await answer).toBe(true);
});

describe('a node on its socket', () => {
  let floor: NodeFloor;
  beforeEach(async () => {
    floor = await NodeFloor.open();
  });
  afterEach(() => floor.close());

  async function joined(): Promise<{ node: ScriptedNode; target: Target }> {
    const node = floor.node();
    const target = floor.registry.target(await node.join([announced(SUMMARY), announced(IAB)]));
    if (!target) throw new Error('The node is not there');
    return { node, target };
  }
  const run = (target: Target, model = SUMMARY) => {
    const never = new AbortController().signal;
    const answer = target.run(inference({ model }), floor.clock.now + 60_000, null, never, 'interactive');
    answer.catch(() => undefined);
    return answer;
  };

  test('that computes answers the question, and keeps its runs', async () => {
    const { node, target } = await joined();
    const answer = run(target);
    const { id } = await node.next('run');
    expect(await target.alive?.(10_000)).toBe(true);
    node.done(id, 'Done after all.');
    expect((await answer).text).toBe('Done after all.');
  });

  test('that is frozen loses all its runs, waiting ones too, and is chosen again when it wakes', async () => {
    const { node, target } = await joined();
    const [first, other, waiting] = [run(target), run(target, IAB), run(target)];
    await node.next('run');
    await node.next('run');
    expect(target.idle?.(SUMMARY)).toBe(false);
    // What it was asked when it became welcome it has answered.
    await node.heard();
    node.socket.pause();
    expect(await target.alive?.(50)).toBe(false);
    await expect(first).rejects.toMatchObject({ kind: 'lost' });
    await expect(other).rejects.toMatchObject({ kind: 'lost' });
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(run(target)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(floor.registry.views(SUMMARY)).toEqual([]);
    node.socket.resume();
    // What it was told meanwhile reaches it now: its runs are nobody's any more.
    expect((await node.next('cancel'))['id']).toBe('1');
    await node.heard();
    expect(floor.registry.views(SUMMARY)).toHaveLength(1);
  });

  test('that is gone gives no sign', async () => {
    const { node, target } = await joined();
    await node.close();
    await vi.waitFor(() => expect(floor.registry.size).toBe(0));
    expect(await target.alive?.(10_000)).toBe(false);
  });
});
