import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GatewayFrame } from './frames.ts';
import { plainInference } from './inference.ts';
import { catalogueModels, readGatewayFrame } from './read-frame.ts';

const FRAMES: GatewayFrame[] = [
  { type: 'challenge', nonce: 'n'.repeat(43) },
  { type: 'welcome', nodeId: 'node_1', heartbeatMs: 5000 },
  { type: 'refused', code: 'revoked', message: 'no' },
  {
    type: 'run',
    id: '1',
    deadlineMs: 1.5,
    inference: {
      ...plainInference('m', 'a \ud800 lone surrogate, a NUL \u0000'),
      stream: true,
    },
  },
  { type: 'cancel', id: '1' },
  { type: 'notice', kind: 'draining', message: 'soon' },
];

test.each(FRAMES)('reads back a frame of type $type', (frame) => {
  expect(readGatewayFrame(JSON.stringify(frame))).toEqual(frame);
});

test('no text makes it throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => readGatewayFrame(text) === null));
});

test('a frame with a part missing or of another type is none', () => {
  const part = fc
    .constantFrom(...FRAMES)
    .chain((frame) => fc.tuple(fc.constant(frame), fc.constantFrom(...Object.keys(frame))));
  const wrong = fc.constantFrom(undefined, null, true, -1, [], {}, '');
  fc.assert(
    fc.property(part, wrong, ([frame, key], value) => {
      // An empty text is a text.
      fc.pre(!(value === '' && ['nodeId', 'message'].includes(key)));
      expect(readGatewayFrame(JSON.stringify({ ...frame, [key]: value }))).toBeNull();
    }),
  );
});

test('what a frame has beside its own is ignored', () => {
  for (const frame of FRAMES) {
    const more = { ...frame, ofAnotherTime: { any: ['thing'] } };
    expect(readGatewayFrame(JSON.stringify(more))).toMatchObject({ type: frame.type });
  }
});

const model = {
  id: 'm',
  version: '2',
  runtime: 'zlm',
  files: [{ path: 'model.zlm', bytes: 7, sha256: 'a'.repeat(64) }],
  needs: [],
  memoryBytes: 100,
  maxTokens: 10,
  maxOutputTokens: 10,
};

test('a welcome’s models are read one by one, and those that are none are left out', () => {
  const wrong = [
    null,
    'm',
    {},
    { ...model, version: '../2' },
    { ...model, version: '' },
    { ...model, files: [{ path: 'model.zlm', bytes: 7, sha256: '../../etc/passwd' }] },
    { ...model, files: [{ path: 'model.zlm', bytes: 1e300, sha256: 'a'.repeat(64) }] },
    { ...model, files: [{ path: 'model.zlm', bytes: -1, sha256: 'a'.repeat(64) }] },
    { ...model, memoryBytes: Number.MAX_SAFE_INTEGER },
    { ...model, files: Array.from({ length: 65 }, () => model.files[0]) },
  ];
  const welcome = { type: 'welcome' as const, nodeId: 'n', heartbeatMs: 100 };
  expect(catalogueModels({ ...welcome, models: [...wrong, model, { ...model, more: 1 }] })).toEqual([
    model,
    { ...model, more: 1 },
  ]);
  for (const models of [undefined, null, 'x', {}, { length: 1e9 }]) {
    expect(catalogueModels({ ...welcome, models })).toEqual([]);
  }
  expect(catalogueModels({ ...welcome, models: Array.from({ length: 1000 }, () => model) })).toHaveLength(
    256,
  );
});
