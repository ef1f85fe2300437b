import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelStatus, NodeStatus } from '../node-status.ts';
import { count, duration, renderScreen, type ScreenSize, stateOf } from './screen.ts';

const model = (id: string, changes: Partial<ModelStatus> = {}): ModelStatus => ({
  ...{ id, version: '1', state: 'ready', download: null, problem: null, slots: 16 },
  ...{ inFlight: 0, done: 0, speed: null },
  ...changes,
});

const CONNECTED = {
  state: 'connected' as const,
  gateway: 'ws://10.0.0.7:8080/v1/nodes/connect',
  nodeId: 'node_1',
  held: null,
};

const STATUS: NodeStatus = {
  connection: CONNECTED,
  name: 'rose',
  deviceClass: 'desktop',
  place: null,
  models: [
    model('one', { done: 1204, speed: { baseMs: 0.61, perThousandMs: 2 } }),
    model('two', { state: 'downloading', download: { bytes: 50, totalBytes: 100 } }),
  ],
  runs: { inFlight: 3, done: 1204, failed: 0, cancelled: 1, inputTokens: 182_331, outputTokens: 9 },
  cpu: { share: 0.25, restedMs: 3_000, throttled: false },
  memory: { usedBytes: 2 ** 27, limitBytes: 2 ** 32 },
  paused: null,
  notices: [],
  updateHint: null,
};

const view = (status: NodeStatus) => ({ status, version: '0.1.0', upMs: 3_723_000, now: 0, zoneMinutes: 0 });
const show = (status: Partial<NodeStatus>, size: Partial<ScreenSize> = {}) =>
  renderScreen(view({ ...STATUS, ...status }), { columns: 80, rows: 24, colour: false, ...size }).join('\n');

describe('the live screen', () => {
  it('says where it serves, how much, and what each model does', () => {
    const text = show({});
    for (const words of [
      ...['● serving', 'rose at http://10.0.0.7:8080', '1 h 2 min', '3 now, 1,204 done, 0 failed'],
      ...[
        '182,331 in, 9 out',
        '25 % of one core, rested 3 s',
        '128 of 4,096 MB',
        '███████░░░░░░░  50 %',
        '0.6',
      ],
      ...[' p pause   q quit'],
    ]) {
      expect(text).toContain(words);
    }
  });

  it('tells trouble in words: no gateway, a refusal, a damaged model, a device slowed down, news', () => {
    const gateway = 'http://x';
    expect(
      show({ connection: { state: 'waiting', gateway, reason: 'ECONNREFUSED', retryInMs: 4_200 } }),
    ).toContain('ECONNREFUSED; trying again in 5 s');
    expect(show({ connection: { state: 'refused', gateway, code: 'revoked', message: 'Gone' } })).toContain(
      'Gone (revoked)',
    );
    expect(show({ models: [model('one', { state: 'failed', problem: 'damaged' })] })).toContain(
      'failed: damaged',
    );
    expect(show({ cpu: { ...STATUS.cpu, throttled: true } })).toContain('slowed down');
    expect(show({ updateHint: 'Version 2 is there' })).toContain('Version 2 is there');
    expect(show({ notices: [{ kind: 'serving', message: 'Back', at: 3_600_000 }] })).toContain('01:00  Back');
  });

  it('wraps what a gateway says, so that a command in it can be read', () => {
    const hint = `Version 0.3.0 of the node's software is out. Get it with: npx --yes 'http://10.0.0.7:8080/node/zerogpu.tgz?0.3.0' node join http://10.0.0.7:8080`;
    const lines = show({ updateHint: hint }, { columns: 70 }).split('\n');
    expect(lines.join('')).toContain(hint.split(' ').slice(-3).join(' '));
    expect(show({ updateHint: 'word '.repeat(100) }, { columns: 40 })).toContain('…');
  });

  it.each([
    [{ paused: 'owner' as const }, 'paused by you'],
    [{ paused: 'busy' as const }, 'waiting until this device is idle'],
    [{ paused: 'draining' as const }, 'finishing what runs'],
    [{ models: [model('one', { state: 'loading' })] }, 'getting models'],
    [{ connection: { ...CONNECTED, held: 'draining' as const } }, 'drained by the operator'],
    [{ connection: { ...CONNECTED, held: 'quarantined' as const } }, 'in quarantine'],
  ])('%j is told in words', (status, words) => {
    expect(stateOf({ ...STATUS, ...status }).text).toBe(words);
  });

  it('lets no gateway move the cursor, change colours or break lines', () => {
    const evil = '\x1b[2J\x07evil\r\n\u202e';
    const text = show({
      name: evil,
      models: [model(evil, { state: 'failed', problem: evil })],
      notices: [{ kind: evil, message: evil, at: 0 }],
      updateHint: evil,
      connection: { state: 'waiting', gateway: 'http://x', reason: evil, retryInMs: 1 },
    });
    expect(text).toContain('evil');
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  });

  it('fits into any terminal, coloured or not', () => {
    const ids = fc.array(fc.string({ maxLength: 60 }), { maxLength: 40 });
    fc.assert(
      fc.property(
        ids,
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 60 }),
        (names, columns, rows) => {
          const models = names.map((id) => model(id));
          const plain = renderScreen(view({ ...STATUS, models }), { columns, rows, colour: false });
          expect(plain.length).toBeLessThanOrEqual(rows);
          for (const line of plain) expect(line.length).toBeLessThanOrEqual(columns);
          const coloured = renderScreen(view({ ...STATUS, models }), { columns, rows, colour: true });
          // biome-ignore lint/suspicious/noControlCharactersInRegex: what colours a terminal begins with one
          const bare = coloured.map((line) => line.replaceAll(/\x1b\[\d+m/g, '').trimEnd());
          expect(bare).toEqual(plain);
        },
      ),
    );
  });

  it('shows as many models as fit, what is wrong or on its way first, and how many more there are', () => {
    const models = Array.from({ length: 30 }, (_, i) => model(`model-${i}`));
    const text = show({ models: [...models, model('broken', { state: 'failed' })] }, { rows: 16 });
    expect(text.split('\n')).toHaveLength(16);
    expect(text.indexOf('broken')).toBeLessThan(text.indexOf('model-0'));
    expect(text).toMatch(/and \d+ more/);
  });

  it.each([9, 10, 11, 12, 13])('%d rows have room for the keys', (rows) => {
    const models = Array.from({ length: 10 }, (_, i) => model(`model-${i}`));
    const text = show({ models }, { rows, columns: 60 });
    expect(text).toContain('q quit');
    expect(/models {2}10|and \d more/.test(text)).toBe(rows > 10);
  });
});

it('counts and times read the same everywhere', () => {
  expect([0, 999, 1_000, 1_234_567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect([0, 59_999, 60_000, 3_600_000, 90_000_000].map(duration)).toEqual([
    ...['0 s', '59 s', '1 min 0 s', '1 h 0 min', '1 d 1 h'],
  ]);
});
