import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GatewayFrame } from './frames.ts';
import { plainInference } from './inference.ts';
import { readGatewayFrame } from './read-frame.ts';

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
