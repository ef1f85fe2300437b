import { ApiError } from '@zerogpu/protocol';
import { expect, it } from 'vitest';
import { TargetFailure } from '../../flow.ts';
import { AbsentModels } from './absent-models.ts';

const nobody = new ApiError('model_unavailable', { retryAfterSeconds: 10 });

it('waits five minutes for somebody who has the model, and anew after it was answered', () => {
  const clock = { now: 0 };
  const absent = new AbsentModels(() => clock.now);
  expect(absent.waitsFor('a', nobody)).toBe(true);
  for (clock.now = 2_000; clock.now < 299_999; clock.now += 2_000) absent.waitsFor('a', nobody);
  clock.now = 299_999;
  expect([absent.waitsFor('a', nobody), absent.waitsFor('b', nobody)]).toEqual([true, true]);
  clock.now = 300_000;
  expect([absent.waitsFor('a', nobody), absent.waitsFor('b', nobody)]).toEqual([false, true]);
  absent.answered('a');
  expect(absent.waitsFor('a', nobody)).toBe(true);
});

it('waits for nothing else', () => {
  const absent = new AbsentModels(() => 0);
  expect(absent.waitsFor('a', new ApiError('internal_error'))).toBe(false);
  // A node that had it was lost: perhaps because of this line.
  const lost = new ApiError('model_unavailable', { cause: new Error('lost') });
  expect(absent.waitsFor('a', lost)).toBe(false);
});

it('waits anew for a model that nobody asked for in between', () => {
  const clock = { now: 0 };
  const absent = new AbsentModels(() => clock.now);
  expect(absent.waitsFor('a', nobody)).toBe(true);
  // Others answered what there was meanwhile.
  clock.now = 3_600_000;
  expect(absent.waitsFor('a', nobody)).toBe(true);
});

it('counts who was lost with the line, and not who was gone before it was sent there', () => {
  const absent = new AbsentModels(() => 0);
  const failed = (kind: 'lost' | 'unavailable') =>
    new ApiError('model_unavailable', { cause: new TargetFailure(kind, 'The node went away') });
  expect([absent.waitsFor('a', failed('lost')), absent.waitsFor('a', failed('unavailable'))]).toEqual([
    false,
    true,
  ]);
});
