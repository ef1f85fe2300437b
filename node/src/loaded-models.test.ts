import { describe, expect, test } from 'vitest';
import { deferred } from './deferred.ts';
import { LoadedModels } from './loaded-models.ts';
import { type Loads, makeManifest, noFiles, runtimeOf } from './testing/in-test-runtime.ts';

interface Setting {
  readonly models: LoadedModels;
  readonly loads: Loads;
  readonly clock: { now: number };
  readonly lines: string[];
}

interface Made {
  readonly load?: (id: string) => Promise<void>;
  /** Id → ids of the models that it works with. */
  readonly needs?: Readonly<Record<string, readonly string[]>>;
}

/** Models a, b and c of 100 bytes each. */
function setting(memoryBytes: number, { load, needs = {} }: Made = {}): Setting {
  const loads = runtimeOf({}, load);
  const clock = { now: 0 };
  const lines: string[] = [];
  const models = new LoadedModels({
    manifests: ['a', 'b', 'c'].map((id) => ({ ...makeManifest(id), needs: needs[id] ?? [] })),
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
  const { models, clock, lines } = setting(1000, {
    load: () => (broken ? Promise.reject(new Error('damaged')) : Promise.resolve()),
  });
  await expect(models.use('a')).rejects.toThrow('does not load on this node');
  expect(lines).toEqual(['Cannot load the model a: damaged']);
  expect(models.has('a')).toBe(false);
  expect(models.announced(1).map(({ id }) => id)).toEqual(['b', 'c']);
  broken = false;
  clock.now += 60_000;
  (await models.use('a')).release();
  expect(resident(models)).toEqual(['a']);
});

test('a model that would not fit into an empty memory is not offered, and says why', async () => {
  const { models } = setting(99);
  expect(models.announced(1)).toEqual([]);
  expect(models.states()[0]).toMatchObject({ state: 'failed', problem: expect.stringContaining('memory') });
});

test('after each failure in a row a model rests twice as long, up to an hour', async () => {
  const { models, clock } = setting(1000, { load: () => Promise.reject(new Error('damaged')) });
  for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
    await expect(models.use('a')).rejects.toThrow('does not load');
    const failedAt = clock.now;
    clock.now = failedAt + minutes * 60_000 - 10;
    expect(models.has('a')).toBe(false);
    clock.now = failedAt + minutes * 60_000;
    expect(models.has('a')).toBe(true);
  }
});

describe('other versions', () => {
  const newer = (id: string, more: object = {}) => ({ ...makeManifest(id), version: '2', ...more });

  test('are loaded beside the old ones, which go with their last user', async () => {
    const { models, loads } = setting(1000);
    const old = await models.use('a');
    await models.replace([newer('a'), makeManifest('b'), makeManifest('c')]);
    expect(models.announced(1)[0]).toMatchObject({ id: 'a', version: '2', resident: true });
    expect([loads.unloaded, models.residentBytes]).toEqual([[], 200]);
    const now = await models.use('a');
    expect([old.model.manifest.version, now.model.manifest.version]).toEqual(['1', '2']);
    old.release();
    expect([loads.unloaded, models.residentBytes]).toEqual([['a'], 100]);
  });

  test('of a model that is not in memory are tried, too', async () => {
    let broken = true;
    const { models, loads } = setting(1000, {
      load: () => (broken ? Promise.reject(new Error('damaged')) : Promise.resolve()),
    });
    const next = [newer('a'), makeManifest('b'), makeManifest('c')];
    await expect(models.replace(next)).rejects.toThrow('does not load');
    expect(models.announced(1)[0]).toMatchObject({ id: 'a', version: '1' });
    broken = false;
    await models.replace(next);
    expect(models.announced(1)[0]).toMatchObject({ id: 'a', version: '2', resident: true });
    expect(loads.loaded).toEqual(['a', 'a']);
  });

  test('take the place of old ones that are still on their way', async () => {
    const slow = deferred<void>();
    let first = true;
    const { models, loads } = setting(1000, {
      load: () => {
        const waits = first;
        first = false;
        return waits ? slow.promise : Promise.resolve();
      },
    });
    const old = models.use('a');
    await models.replace([newer('a'), makeManifest('b'), makeManifest('c')]);
    slow.resolve();
    const used = await old;
    expect(used.model.manifest.version).toBe('1');
    used.release();
    expect([loads.unloaded, models.residentBytes]).toEqual([['a'], 100]);
  });

  test('that do not load, or find no room, leave everything as it was', async () => {
    let broken = false;
    const { models, loads } = setting(250, {
      load: () => (broken ? Promise.reject(new Error('damaged')) : Promise.resolve()),
    });
    const [a, b] = await Promise.all([models.use('a'), models.use('b')]);
    await expect(models.replace([newer('a'), newer('b')])).rejects.toMatchObject({
      name: 'ModelUnavailable',
    });
    expect([models.residentBytes, loads.unloaded]).toEqual([200, []]);
    b.release();
    broken = true;
    await expect(models.replace([newer('a'), makeManifest('b')])).rejects.toThrow('does not load');
    expect(models.announced(1).map(({ version }) => version)).toEqual(['1', '1', '1']);
    expect(models.has('a')).toBe(true);
    a.release();
    expect((await models.use('a')).model.manifest.version).toBe('1');
  });

  test('of a needed model make those anew that work with it', async () => {
    const needs = { b: ['a'], c: ['b'] };
    const { models, loads } = setting(1000, { needs });
    (await models.use('c')).release();
    const manifest = (id: 'b' | 'c') => ({ ...makeManifest(id), needs: needs[id] });
    await models.replace([newer('a'), manifest('b'), manifest('c')]);
    expect(loads.loaded).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
    expect(loads.unloaded.sort()).toEqual(['a', 'b', 'c']);
    expect(models.residentBytes).toBe(300);
    models.unloadAll();
    expect(models.residentBytes).toBe(0);
  });
});

test('a model that is not here is unavailable', async () => {
  const { models } = setting(1000);
  await expect(models.use('z')).rejects.toMatchObject({ name: 'ModelUnavailable' });
});

describe('a model that works with others', () => {
  /** c needs a and b, and b needs a. */
  const needs = { b: ['a'], c: ['a', 'b'] };

  test('gets them loaded first, each once, in the order of its manifest', async () => {
    const { models, loads } = setting(1000, { needs });
    const [first, second] = await Promise.all([models.use('c'), models.use('b')]);
    expect([...loads.loaded].sort()).toEqual(['a', 'b', 'c']);
    expect(loads.loaded.at(-1)).toBe('c');
    expect(loads.needed.get('c')).toEqual(['a', 'b']);
    expect(loads.needed.get('b')).toEqual(['a']);
    first.release();
    second.release();
    expect(resident(models)).toEqual(['a', 'b', 'c']);
    expect(models.residentBytes).toBe(300);
  });

  test('keeps them in memory as long as it is there itself', async () => {
    const { models, loads } = setting(200, { needs: { b: ['a'] } });
    (await models.use('b')).release();
    // Used long after b, and still not the one to go: b works with it.
    (await models.use('a')).release();
    (await models.use('c')).release();
    expect(loads.unloaded).toEqual(['b']);
    expect(resident(models)).toEqual(['a', 'c']);
  });

  test('lets them go when it goes', async () => {
    const { models, loads } = setting(200, { needs: { b: ['a'] } });
    (await models.use('b')).release();
    (await models.use('c')).release();
    expect(loads.unloaded).toEqual(['b']);
    // a is unused now, and goes when room is wanted again.
    (await models.use('b')).release();
    expect(resident(models)).toEqual(['a', 'b']);
  });

  test('is refused while there is no room for all of them, and gives back what it took', async () => {
    const { models, loads, lines } = setting(250, { needs: { c: ['a', 'b'] } });
    await expect(models.use('c')).rejects.toMatchObject({ name: 'ModelUnavailable' });
    expect(lines).toEqual(['Cannot load the model c: The node has no memory free for the model "b"']);
    expect(loads.loaded).toEqual(['a']);
    // Neither a's place nor c's is kept by the one that failed.
    (await models.use('b')).release();
    expect(models.residentBytes).toBe(200);
  });

  test.each(['a', 'c'])('releases them when %s does not load', async (broken) => {
    const { models, loads } = setting(200, {
      needs: { c: ['a'] },
      load: (id) => (id === broken ? Promise.reject(new Error('damaged')) : Promise.resolve()),
    });
    await expect(models.use('c')).rejects.toMatchObject({ name: 'ModelUnavailable' });
    expect(models.has('c')).toBe(false);
    expect(models.has('a')).toBe(broken !== 'a');
    expect(models.residentBytes).toBe(broken === 'a' ? 0 : 100);
    if (broken === 'a') return;
    // Nobody uses a any more, so it makes room: b and c's share of the memory are free.
    (await models.use('b')).release();
    expect(resident(models)).toEqual(['a', 'b']);
    expect(loads.unloaded).toEqual([]);
  });

  test('is offered without those that it needs being offered', async () => {
    const { models } = setting(1000, { needs: { c: ['z'] } });
    await expect(models.use('c')).rejects.toThrow('does not load on this node');
    expect(models.announced(1).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  test('everything is unloaded at the end', async () => {
    const { models, loads } = setting(1000, { needs });
    (await models.use('c')).release();
    models.unloadAll();
    expect([...loads.unloaded].sort()).toEqual(['a', 'b', 'c']);
    expect(models.residentBytes).toBe(0);
  });
});
