import { expect, test } from 'vitest';
import { LoadedModels } from './loaded-models.ts';
import { type Loads, makeManifest, noFiles, runtimeOf } from './testing/in-test-runtime.ts';

interface Setting {
  readonly models: LoadedModels;
  readonly loads: Loads;
  readonly clock: { now: number };
  readonly lines: string[];
}

/** Models a, b and c of 100 bytes each. */
function setting(memoryBytes: number, load?: (id: string) => Promise<void>): Setting {
  const loads = runtimeOf({}, load);
  const clock = { now: 0 };
  const lines: string[] = [];
  const models = new LoadedModels({
    manifests: ['a', 'b', 'c'].map((id) => makeManifest(id)),
    runtimes: new Map([['zlm', loads.runtime]]),
    files: noFiles,
    memoryBytes,
    now: () => clock.now++,
    changed: () => undefined,
    log: (line) => lines.push(line),
  });
  return { models, loads, clock, lines };
}

const resident = (models: LoadedModels) =>
  models.announced(1).flatMap((model) => (model.resident ? [model.id] : []));

test('those who come while a model loads share the load', async () => {
  const { models, loads } = setting(1000);
  const uses = await Promise.all([models.use('a'), models.use('a'), models.use('a')]);
  expect(loads.loaded).toEqual(['a']);
  expect(new Set(uses.map((used) => used.model)).size).toBe(1);
});

test('puts out the model that was not used for longest when another needs its room', async () => {
  const { models, loads } = setting(200);
  (await models.use('a')).release();
  (await models.use('b')).release();
  (await models.use('a')).release();
  (await models.use('c')).release();
  expect(loads.unloaded).toEqual(['b']);
  expect(resident(models)).toEqual(['a', 'c']);
  expect(models.residentBytes).toBe(200);
});

test('a model in use keeps its room', async () => {
  const { models, loads } = setting(100);
  const used = await models.use('a');
  await expect(models.use('b')).rejects.toThrow('no memory free');
  used.release();
  (await models.use('b')).release();
  expect(loads.unloaded).toEqual(['a']);
});

test('loading models count, so that two loads at once do not overfill the memory', async () => {
  const { models } = setting(100);
  const [first, second] = await Promise.allSettled([models.use('a'), models.use('b')]);
  expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
});

test('preloads what fits and puts out nothing for it', async () => {
  const { models, loads } = setting(250);
  await models.preload();
  expect(loads.loaded).toEqual(['a', 'b']);
  expect(loads.unloaded).toEqual([]);
});

test('a model that does not load is not offered for a minute, then tried again', async () => {
  let broken = true;
  const { models, clock, lines } = setting(1000, () =>
    broken ? Promise.reject(new Error('damaged')) : Promise.resolve(),
  );
  await expect(models.use('a')).rejects.toThrow('does not load on this node');
  expect(lines).toEqual(['Cannot load the model a: damaged']);
  expect(models.has('a')).toBe(false);
  expect(models.announced(1).map(({ id }) => id)).toEqual(['b', 'c']);
  broken = false;
  clock.now += 60_000;
  (await models.use('a')).release();
  expect(resident(models)).toEqual(['a']);
});

test('a model that is not here is unavailable', async () => {
  const { models } = setting(1000);
  await expect(models.use('z')).rejects.toMatchObject({ name: 'ModelUnavailable' });
});
