import { expect, it } from 'vitest';
import { honest, LiarFleet } from './liar-fleet.ts';
import { judge, SCENARIOS } from './scenarios.ts';

const SEED = 20261121;
const scenario = (name: string) => {
  const found = SCENARIOS.find((one) => one.name === name);
  if (!found) throw new Error(name);
  return found;
};

it('catches whoever lies always at the first answer, before a caller is given it', async () => {
  const { within, medianAnswers, liesGiven, honestAccused } = await judge(scenario('lies always'), 100, SEED);
  expect(within[45]).toBe(1);
  expect(medianAnswers).toBe(1);
  expect(liesGiven).toBe(0);
  expect(honestAccused).toBe(0);
});

it('catches within 45 answers 99 of 100 of those that begin to lie when they are believed', async () => {
  const outcome = await judge({ ...scenario('lies always once trust is earned'), liars: 0.9 }, 400, SEED);
  expect(outcome.within[45]).toBeGreaterThanOrEqual(0.99);
  expect(outcome.honestAccused).toBe(0);
});

it('catches within 460 answers 99 of 100 of those that lie in one of ten', async () => {
  const outcome = await judge({ ...scenario('lies in 1 of 10'), liars: 0.9 }, 400, SEED);
  expect(outcome.within[460]).toBeGreaterThanOrEqual(0.99);
  expect(outcome.honestAccused).toBe(0);
});

it('catches within 460 answers 99 of 100 that behave until they are believed and then lie in one of ten', async () => {
  const outcome = await judge({ ...scenario('lies in 1 of 10 once trust is earned'), liars: 0.9 }, 400, SEED);
  expect(outcome.within[460]).toBeGreaterThanOrEqual(0.99);
  expect(outcome.honestAccused).toBe(0);
});

it('accuses nobody who is honest, also where a judge is broken', async () => {
  const outcome = await judge(scenario('one of three judges is wrong in 1 of 20'), 100, SEED);
  expect(outcome.honestAccused).toBe(0);
  expect(outcome.within[460]).toBeGreaterThan(0.9);
});

it('does a tenth more work for a fleet that is believed', async () => {
  const fleet = new LiarFleet({ seed: SEED, strangers: [honest] });
  const [fate] = await fleet.untilAnswered(3000);
  expect(fate).toMatchObject({ answers: 3000, caught: false });
  expect(fleet.judged / 3000).toBeGreaterThan(0.1);
  expect(fleet.judged / 3000).toBeLessThan(0.16);
});
