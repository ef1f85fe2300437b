/** Frames as no honest node sends them: any JSON, and true frames with something changed. */
import type { AnnouncedModel } from '@zerogpu/protocol';
import fc from 'fast-check';
import { SUMMARY } from './scripted-node.ts';

const model: AnnouncedModel = { id: SUMMARY, version: '1', slots: 4, resident: true };
const id = fc.oneof(
  fc.integer({ min: -5, max: 40 }).map(String),
  fc.constantFrom('__proto__', 'constructor', '', '1e3', '../1'),
  fc.string({ maxLength: 80 }),
);
const number = fc.oneof(fc.constantFrom(0, -1, 1, 2 ** 53, 1e308, -1e308, 0.5), fc.double(), fc.integer());
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.constant('x'.repeat(70_000)));

const frames = fc.oneof(
  fc.record({ type: fc.constant('piece'), id, kind: fc.constantFrom('text', 'reasoning', 'x'), text }),
  fc.record({
    type: fc.constant('done'),
    id,
    text,
    reasoning: fc.oneof(text, fc.constant(null)),
    finishReason: fc.constantFrom('stop', 'length', 'tool_calls'),
    inputTokens: number,
    outputTokens: number,
    loadMs: number,
    modelMs: number,
  }),
  fc.record({
    type: fc.constant('failed'),
    id,
    code: fc.constantFrom('input', 'model_unavailable', 'busy', 'cancelled', 'internal', 'x'),
    message: text,
    param: fc.oneof(text, fc.constant(null)),
  }),
  fc.record({
    type: fc.constant('load'),
    models: fc.array(
      fc.record({
        id: fc.oneof(fc.constant(SUMMARY), fc.constantFrom('__proto__', 'constructor', '../..'), fc.string()),
        version: fc.constantFrom(model.version, '2', ''),
        slots: fc.oneof(fc.integer({ min: 1, max: 1024 }), number),
        resident: fc.boolean(),
        speed: fc.record({ baseMs: number, perThousandMs: number }),
      }),
      { maxLength: 6 },
    ),
    residentBytes: number,
  }),
  fc.record({ type: fc.constantFrom('hello', 'beat', 'alive', 'welcome', 'run', '__proto__') }),
);

/** True frames of which one field is something else, or missing, or there is one more. */
const mutated = fc.tuple(frames, fc.jsonValue(), fc.nat(), fc.boolean()).map(([frame, value, at, more]) => {
  const keys = [...Object.keys(frame), '__proto__'];
  const key = more ? 'more' : (keys[at % keys.length] ?? 'more');
  return JSON.stringify(Object.fromEntries([...Object.entries(frame), [key, value]]));
});

/** Texts of frames. */
export const hostileFrames: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: frames.map((frame) => JSON.stringify(frame)) },
  { weight: 3, arbitrary: mutated },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
);
