import { findManifest } from '@zerogpu/catalogue';
import { type Inference, type ModelManifest, plainInference } from '@zerogpu/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type NodeFacts,
  type NodeView,
  type PieceSink,
  type Target,
  type TargetAnswer,
  TargetFailure,
} from '../flow.ts';
import { factsOf } from '../testing/facts.ts';
import { TrustKeeper } from './trust.ts';
import type { Change, TrackRecordOf, TrustStore, WrongAnswer } from './trust-store.ts';

const MODEL = 'zlm-v1-summary-cloud';
const right = (inference: Inference): TargetAnswer => answered(`right: ${inference.text}`);
const wrong = (): TargetAnswer => answered('wrong');

function answered(text: string, changes: Partial<TargetAnswer> = {}): TargetAnswer {
  const end = { reasoning: null, toolCalls: [], finishReason: 'stop', usage: null } as const;
  return { text, ...end, queueMs: 0, modelMs: 0, ...changes };
}

type Says = (
  inference: Inference,
  sink: PieceSink | null,
  signal: AbortSignal,
) => TargetAnswer | Promise<TargetAnswer>;

class Scripted implements Target {
  readonly kind = 'node';
  readonly organizationId: string | null;
  readonly facts: NodeFacts;
  readonly ran: { inference: Inference; tier: string }[] = [];
  says: Says;

  constructor(facts: NodeFacts, says: Says) {
    this.facts = facts;
    this.organizationId = facts.organizationId;
    this.says = says;
  }

  get id(): string {
    return this.facts.id;
  }

  async run(...[inference, , sink, signal, tier]: Parameters<Target['run']>): Promise<TargetAnswer> {
    this.ran.push({ inference, tier });
    return this.says(inference, sink, signal);
  }
}

const fails =
  (kind: ConstructorParameters<typeof TargetFailure>[0], message = 'no'): Says =>
  () => {
    throw new TargetFailure(kind, message);
  };

let judges: Scripted[];
let node: Scripted;
let keeper: TrustKeeper;
let told: string[];
/** How far the node was believed, each time that it was said to have changed. */
let changes: string[];
let out: Set<string>;
let random: () => number;
let clock: number;
let roomy: boolean;
let store: { quarantined: Set<string>; records: TrackRecordOf[]; wrong: WrongAnswer[]; written: Change[] };

beforeEach(() => {
  judges = ['a', 'b'].map((id) => new Scripted(factsOf(`judge_${id}`), right));
  node = new Scripted(factsOf('node_x', { pool: 'public' }), right);
  told = [];
  changes = [];
  out = new Set();
  // Neither rechecks nor known answers, unless a test wants them.
  random = () => 0.99;
  clock = 1_000_000;
  roomy = true;
  store = { quarantined: new Set(), records: [], wrong: [], written: [] };
  keeper = open();
});

function open(): TrustKeeper {
  const tell = (fields: object, message: string) => void told.push(`${message} ${JSON.stringify(fields)}`);
  const kept: TrustStore = {
    load: async (id) => ({ quarantined: store.quarantined.has(id), records: store.records }),
    writeWrong: async (one) => {
      store.wrong.push(one);
      store.quarantined.add(one.nodeId);
    },
    writeCounts: async (changes) => void store.written.push(...changes),
    quarantined: async (ids) => new Map(ids.map((id) => [id, store.quarantined.has(id)])),
  };
  return new TrustKeeper({
    store: kept,
    log: { info: tell, warn: tell, error: tell },
    bench: {
      judges: () => judges.map(({ facts }) => viewOf(facts)),
      target: (id) => judges.find((judge) => judge.id === id),
      predictedMs: ({ inFlight }) => inFlight,
    },
    connected: () => true,
    changed: () => changes.push(trust()),
    quarantined: (id) => out.add(id),
    released: (id) => out.delete(id),
    now: () => clock,
    random: () => random(),
    sleep: async () => undefined,
  });
}

function viewOf(facts: NodeFacts): NodeView {
  const idle = { slots: 8, inFlight: 0, resident: true, serviceMs: 1, failures: 0, rttMs: 0 };
  return { ...facts, ...idle, batchRoom: roomy ? 6 : 0 };
}

/** One run on the node as the gateway uses it, and all that follows from it. */
async function ask(text = 'a question', sink: PieceSink | null = null): Promise<TargetAnswer> {
  const { signal } = new AbortController();
  try {
    return await keeper
      .wrap(node, node.facts)
      .run(plainInference(MODEL, text), clock + 60_000, sink, signal, 'interactive');
  } finally {
    await settled();
  }
}

async function settled(): Promise<void> {
  await keeper.settled();
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function earn(): Promise<void> {
  for (let i = 0; i < 10; i++) await ask(`question ${i}`);
  expect(keeper.trustOf(node.facts, MODEL)).toBe('earned');
  for (const judge of judges) judge.ran.length = 0;
}

const trust = () => keeper.trustOf(node.facts, MODEL);
const manifest = (): ModelManifest => findManifest(MODEL)!;

describe('a stranger’s node on probation', () => {
  beforeEach(() => keeper.load(node.facts));

  it('is answered for by a node that is vouched for, and earns trust by ten right answers', async () => {
    for (let i = 0; i < 9; i++) expect((await ask()).by?.id).toMatch(/^judge/);
    expect(trust()).toBe('probation');
    expect(changes).toEqual([]);
    await ask();
    expect(trust()).toBe('earned');
    expect(changes).toEqual(['earned']);
    expect((await ask()).by).toBeUndefined();
  });

  it('is in quarantine after one wrong answer, which nobody was given', async () => {
    node.says = wrong;
    expect((await ask('hello')).text).toBe('right: hello');
    expect(trust()).toBe('quarantined');
    expect(out).toEqual(new Set(['node_x']));
    expect(store.wrong).toHaveLength(1);
    expect(store.wrong[0]).toMatchObject({ nodeId: 'node_x', foundBy: 'release' });
    expect(told.join()).not.toContain('hello');
    await expect(ask()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(node.ran).toHaveLength(1);
  });

  it.each([
    ['finish reason', answered('right: x', { finishReason: 'length' })],
    ['reasoning', answered('right: x', { reasoning: '' })],
    ['a space', answered('right: x ')],
  ])('is judged by the %s too', async (_, answer) => {
    node.says = () => answer;
    await ask('x');
    expect(trust()).toBe('quarantined');
  });

  it('is never idle for a second run, which would be two; with trust earned it is as it says', async () => {
    const idle = () => keeper.wrap(Object.assign(node, { idle: () => true }), node.facts).idle?.(MODEL);
    expect(idle()).toBe(false);
    await earn();
    expect(idle()).toBe(true);
    Object.assign(node, { idle: () => false });
    expect(keeper.wrap(node, node.facts).idle?.(MODEL)).toBe(false);
  });

  it('names who answers for it as soon as a run was begun', async () => {
    const target = keeper.wrap(node, node.facts);
    const { signal } = new AbortController();
    const answer = target.run(plainInference(MODEL, 'x'), clock + 60_000, null, signal, 'interactive');
    expect(target.answering?.id).toMatch(/^judge/);
    expect((await answer).by).toBe(target.answering);
    await earn();
    const trusted = keeper.wrap(node, node.facts);
    await trusted.run(plainInference(MODEL, 'x'), clock + 60_000, null, signal, 'interactive');
    expect(trusted.answering?.id ?? node.id).toBe(node.id);
  });

  it('streams nothing of its own', async () => {
    node.says = (inference, sink) => {
      sink?.piece('text', 'evil');
      return right(inference);
    };
    const heard: string[] = [];
    await ask('x', { piece: (_, text) => heard.push(text) });
    expect(heard).toEqual([]);
  });

  it('has not lied when it fails, is slow or is busy', async () => {
    for (const kind of ['lost', 'busy', 'internal', 'unavailable', 'too_large'] as const) {
      node.says = fails(kind);
      expect((await ask()).text).toContain('right');
    }
    node.says = () => new Promise(() => undefined);
    expect((await ask()).text).toContain('right');
    expect(trust()).toBe('probation');
    expect(store.wrong).toEqual([]);
  });

  it('has a handful of runs at once, whatever it announces', async () => {
    node.says = () => new Promise(() => undefined);
    await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(node.ran).toHaveLength(4);
  });

  it('cannot tell a caller that a request does not fit', async () => {
    node.says = fails('input', 'pay me');
    expect((await ask()).text).toContain('right');
    expect(trust()).toBe('quarantined');
  });

  it('agrees when the request does not fit indeed, in whatever words', async () => {
    node.says = fails('input', 'mine');
    for (const judge of judges) judge.says = fails('input', 'ours');
    await expect(ask()).rejects.toMatchObject({ kind: 'input', message: 'ours' });
    expect(trust()).toBe('probation');
  });

  it('gets nothing where nobody can check it, and nodes of organizations check nobody', async () => {
    judges = [new Scripted(factsOf('own', { pool: 'organization', organizationId: 'o' }), right)];
    await expect(ask()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(node.ran).toEqual([]);
    expect(judges[0]!.ran).toEqual([]);
  });

  it('begins anew with another version of a model', async () => {
    const { id, version, runtime } = manifest();
    const shown = { model: id, runtime, rightInRow: 50, right: 50, wrong: 0, unchecked: 0 };
    store.records = [{ ...shown, version: `${version}.old` }];
    keeper = open();
    await keeper.load(node.facts);
    expect(trust()).toBe('probation');
    store.records = [{ ...shown, version }];
    keeper = open();
    await keeper.load(node.facts);
    expect(trust()).toBe('earned');
  });
});

describe('an accusation', () => {
  beforeEach(() => keeper.load(node.facts));

  it('needs the word of a second judge: one that is broken accuses nobody', async () => {
    judges[0]!.says = () => answered('broken');
    for (let i = 0; i < 20; i++) await ask();
    expect(store.wrong).toEqual([]);
    // Whoever chooses nodes is told of the accusation and of its end.
    expect(changes.slice(0, 2)).toEqual(['quarantined', 'probation']);
    expect(told.join()).toContain('gave two answers to one request');
    expect(trust()).not.toBe('quarantined');
  });

  it('is decided by the only judge there is', async () => {
    judges = judges.slice(0, 1);
    node.says = wrong;
    await ask();
    expect(trust()).toBe('quarantined');
  });

  it('waits for a second opinion, and ends without one in probation', async () => {
    node.says = wrong;
    let first = true;
    for (const judge of judges) {
      judge.says = (inference) => {
        if (!first) throw new TargetFailure('busy', 'full');
        first = false;
        return right(inference);
      };
    }
    await ask();
    expect(trust()).toBe('probation');
    expect(store.wrong).toEqual([]);
  });
});

describe('a node that is believed', () => {
  beforeEach(async () => {
    await keeper.load(node.facts);
    await earn();
  });

  it('has its answers leave at once', async () => {
    expect(await ask('x')).toMatchObject({ text: 'right: x' });
    expect(judges.flatMap(({ ran }) => ran)).toEqual([]);
  });

  it('is rechecked afterwards, as batch runs are, by chance', async () => {
    random = () => 0.09;
    await ask('x');
    expect(judges.flatMap(({ ran }) => ran)).toMatchObject([{ tier: 'batch', inference: { text: 'x' } }]);
    node.says = wrong;
    expect((await ask('y')).text).toBe('wrong');
    expect(trust()).toBe('quarantined');
    expect(store.wrong[0]?.foundBy).toBe('recheck');
  });

  it('is asked what is known already, in the shape of what runs', async () => {
    random = () => 0.015;
    await ask('A question of somebody that is long enough to be one, and then some more of it.');
    const known = node.ran.at(-1)!;
    expect(known.tier).toBe('interactive');
    expect(Object.keys(known.inference)).toEqual(Object.keys(node.ran[0]!.inference));
    expect(known.inference.text).not.toContain('somebody');
    expect(known.inference.text.length).toBeGreaterThan(60);
    node.says = (inference) => (inference.text.startsWith('A question') ? right(inference) : wrong());
    await ask('A question that it answers well.');
    expect(trust()).toBe('quarantined');
    expect(store.wrong[0]?.foundBy).toBe('known_answer');
  });

  it('is not rechecked at once again where that failed', async () => {
    random = () => 0.09;
    node.says = wrong;
    let tries = 0;
    for (const judge of judges) {
      judge.says = (...asked) => {
        tries++;
        return fails('internal')(...asked);
      };
    }
    const { signal } = new AbortController();
    const run = [plainInference(MODEL, 'x'), clock + 60_000, null, signal, 'interactive'] as const;
    await keeper.wrap(node, node.facts).run(...run);
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(tries).toBe(1);
    for (const judge of judges) judge.says = right;
    clock += 1_000;
    await new Promise((resolve) => setTimeout(resolve, 300));
    await settled();
    expect(store.wrong[0]?.foundBy).toBe('recheck');
  });

  it('is checked before again when rechecks fall behind, and believed again when they catch up', async () => {
    random = () => 0.09;
    roomy = false;
    await ask('first');
    expect(keeper.waiting).toBe(1);
    clock += 31_000;
    expect((await ask('second')).by?.id).toMatch(/^judge/);
    roomy = true;
    await new Promise((resolve) => setTimeout(resolve, 300));
    await settled();
    expect(keeper.waiting).toBe(0);
    expect((await ask('third')).by).toBeUndefined();
  });

  it('is on probation again when an answer could not be rechecked at all', async () => {
    random = () => 0.09;
    roomy = false;
    await ask('first');
    clock += 601_000;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(keeper.waiting).toBe(0);
    expect(trust()).toBe('probation');
    expect(told.join()).not.toContain('first');
  });

  it('is caught when it streams another answer than it gives', async () => {
    node.says = (inference, sink) => {
      sink?.piece('text', 'evil');
      return right(inference);
    };
    await expect(ask('x', { piece: () => undefined })).rejects.toMatchObject({ kind: 'internal' });
    expect(trust()).toBe('quarantined');
  });

  it('is caught when it streams something and then fails', async () => {
    node.says = (_inference, sink) => {
      sink?.piece('text', 'evil');
      throw new TargetFailure('internal', 'oops');
    };
    await expect(ask('x', { piece: () => undefined })).rejects.toMatchObject({ kind: 'internal' });
    expect(trust()).toBe('quarantined');
  });

  it('is no liar when it dies in the middle of a right answer', async () => {
    node.says = (inference, sink) => {
      sink?.piece('text', right(inference).text.slice(0, 4));
      throw new TargetFailure('lost', 'gone');
    };
    await expect(ask('x', { piece: () => undefined })).rejects.toMatchObject({ kind: 'lost' });
    expect(trust()).toBe('earned');
  });

  it('cannot refuse a request that fits', async () => {
    node.says = fails('input', 'pay me');
    expect((await ask('x')).text).toBe('right: x');
    expect(trust()).toBe('quarantined');
  });
});

describe('quarantine', () => {
  beforeEach(() => keeper.load(node.facts));

  it('holds for every model, is written, and outlives the connection', async () => {
    node.says = wrong;
    await ask();
    expect(keeper.trustOf(node.facts, 'zlm-v1-iab-classify-edge')).toBe('quarantined');
    keeper = open();
    await keeper.load(node.facts);
    expect(trust()).toBe('quarantined');
  });

  it('ends by the operator’s word, on probation', async () => {
    await earn();
    random = () => 0.09;
    node.says = wrong;
    await ask();
    await settled();
    expect(trust()).toBe('quarantined');
    store.quarantined.delete('node_x');
    await keeper.round();
    expect(out).toEqual(new Set());
    expect(trust()).toBe('probation');
  });

  it('that begins or ends elsewhere is taken over', async () => {
    store.quarantined.add('node_x');
    await keeper.round();
    expect(trust()).toBe('quarantined');
    expect(out).toEqual(new Set(['node_x']));
    store.quarantined.delete('node_x');
    await keeper.round();
    expect(trust()).toBe('probation');
    expect(out).toEqual(new Set());
  });

  it('counts of what was shown are written behind', async () => {
    await earn();
    await keeper.round();
    expect(store.written).toMatchObject([
      { nodeId: 'node_x', before: { right: 0 }, now: { right: 10, rightInRow: 10 } },
    ]);
  });
});

it('gives a node of which nothing was read nothing, and leaves those alone that somebody vouches for', async () => {
  expect(trust()).toBe('quarantined');
  await expect(ask()).rejects.toMatchObject({ kind: 'unavailable' });
  for (const pool of ['operator', 'cloud', 'organization'] as const) {
    const facts = factsOf('n', { pool });
    const target = new Scripted(facts, right);
    expect(keeper.wrap(target, facts)).toBe(target);
    expect(keeper.trustOf(facts, MODEL)).toBe('vouched');
  }
});

it('gives strangers no model that says other bytes elsewhere', async () => {
  await keeper.load(node.facts);
  const { signal } = new AbortController();
  const inference = plainInference('llama-3.1-8b-instruct-fast', 'x');
  const run = keeper.wrap(node, node.facts).run(inference, clock + 1000, null, signal, 'interactive');
  await expect(run).rejects.toMatchObject({ kind: 'unavailable' });
  expect(node.ran).toEqual([]);
});
