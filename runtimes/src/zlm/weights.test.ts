import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32, type Dtype, FORMAT_VERSION, readWeights, WeightsError } from './weights.ts';

/** Written by models/python/zlm_format.py. */
const WRITTEN_BY_PYTHON =
  'WkxNMQEAAADbAQAAeyJtb2RlbCI6ImV4YW1wbGUiLCJ2ZXJzaW9uIjoiMSIsIm1ldGEiOnsicHJvZ3JhbSI6InRlc3QiLCLDvCI6WzEsMi41XX0sInRlbnNvcnMiOlt7Im5hbWUiOiJ3b3JkcyIsImR0eXBlIjoidXRmOCIsInNoYXBlIjpbOF0sIm9mZnNldCI6MCwiYnl0ZXMiOjh9LHsibmFtZSI6InNjYWxlIiwiZHR5cGUiOiJmMzIiLCJzaGFwZSI6WzIsM10sIm9mZnNldCI6MTYsImJ5dGVzIjoyNH0seyJuYW1lIjoiY29kZXMiLCJkdHlwZSI6Imk4Iiwic2hhcGUiOlszXSwib2Zmc2V0Ijo0OCwiYnl0ZXMiOjN9LHsibmFtZSI6ImlkcyIsImR0eXBlIjoidTE2Iiwic2hhcGUiOlsyXSwib2Zmc2V0Ijo2NCwiYnl0ZXMiOjR9LHsibmFtZSI6InN1bXMiLCJkdHlwZSI6ImkzMiIsInNoYXBlIjpbMV0sIm9mZnNldCI6ODAsImJ5dGVzIjo0fSx7Im5hbWUiOiJlbXB0eSIsImR0eXBlIjoiaTE2Iiwic2hhcGUiOlswLDNdLCJvZmZzZXQiOjk2LCJieXRlcyI6MH1dfQAAAAAAAAAAAGVpbgp6d2VpAAAAAAAAAAAAAIA/AAAAwAAAQEAAAIBAAACgQAAAAD8AAAAAAAAAAP9/gAAAAAAAAAAAAAAAAAD//wEAAAAAAAAAAAAAAAAAAAAAgAAAAAAAAAAAAAAAAB8uhy4=';

const file = Uint8Array.from(atob(WRITTEN_BY_PYTHON), (character) => character.charCodeAt(0));

interface Part {
  name: string;
  dtype: Dtype | string;
  shape: unknown;
  offset: number;
  bytes: number;
}

/** A container around the given header, with a right checksum: what remains wrong is the header. */
function container(header: unknown, dataBytes: number, formatVersion = FORMAT_VERSION): Uint8Array {
  const json =
    header instanceof Uint8Array
      ? header
      : new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const start = Math.ceil((12 + json.length) / 16) * 16;
  const bytes = new Uint8Array(start + dataBytes + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('ZLM1'));
  view.setUint32(4, formatVersion, true);
  view.setUint32(8, json.length, true);
  bytes.set(json, 12);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

function withTensors(tensors: Part[], dataBytes: number): Uint8Array {
  return container({ model: 'm', version: '1', meta: {}, tensors }, dataBytes);
}

const a: Part = { name: 'a', dtype: 'f32', shape: [2, 2], offset: 0, bytes: 16 };
const b: Part = { name: 'b', dtype: 'u8', shape: [3], offset: 16, bytes: 3 };

describe('readWeights', () => {
  it('reads what the Python writer wrote', () => {
    const weights = readWeights(file);
    expect(weights).toMatchObject({ model: 'example', version: '1', meta: { program: 'test', ü: [1, 2.5] } });
    expect(weights.bytes).toBe(file.length);
    expect(weights.lines('words')).toEqual(['ein', 'zwei']);
    expect([...weights.f32('scale', [2, 3])]).toEqual([1, -2, 3, 4, 5, 0.5]);
    expect([...weights.i8('codes')]).toEqual([-1, 127, -128]);
    expect([...weights.u16('ids', [-1])]).toEqual([65535, 1]);
    expect([...weights.i32('sums')]).toEqual([-2147483648]);
    expect(weights.i16('empty', [0, 3])).toHaveLength(0);
    expect(weights.shapeOf('scale')).toEqual([2, 3]);
    expect([weights.has('ids'), weights.has('nothing')]).toEqual([true, false]);
  });

  it('keeps the bytes where they are when they are aligned, and copies them when not', () => {
    expect(readWeights(file).i32('sums').buffer).toBe(file.buffer);
    const shifted = new Uint8Array(file.length + 3).subarray(3);
    shifted.set(file);
    const weights = readWeights(shifted);
    expect(weights.i32('sums').buffer).not.toBe(shifted.buffer);
    expect([...weights.f32('scale')]).toEqual([1, -2, 3, 4, 5, 0.5]);
  });

  it('refuses every truncation and every flipped bit', () => {
    for (let length = 0; length < file.length; length++) {
      expect(() => readWeights(file.subarray(0, length)), `${length} bytes`).toThrow(WeightsError);
    }
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = file.slice();
        damaged[at]! ^= flip;
        expect(() => readWeights(damaged)).toThrow(WeightsError);
      }),
      { numRuns: 2000 },
    );
  });

  it('answers arbitrary bytes behind a right magic with its own error only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        const bytes = new Uint8Array([0x5a, 0x4c, 0x4d, 0x31, 1, 0, 0, 0, ...tail]);
        expect(() => readWeights(bytes)).toThrow(WeightsError);
      }),
    );
  });

  it('answers arbitrary headers with its own error or with tensors that lie in the file', () => {
    const part = fc.record({
      name: fc.constantFrom('a', 'b', 'c', ''),
      dtype: fc.constantFrom('i8', 'u8', 'i16', 'u16', 'i32', 'f32', 'utf8', 'f64', 'constructor'),
      shape: fc.oneof(fc.array(fc.integer({ min: -1, max: 9 }), { maxLength: 3 }), fc.jsonValue()),
      offset: fc.oneof(fc.constantFrom(0, 16, 32, -16, 2 ** 53), fc.double()),
      bytes: fc.oneof(fc.integer({ min: 0, max: 64 }), fc.double()),
    });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 3 }), fc.constantFrom(0, 3, 16, 19, 64), (parts, dataBytes) => {
        const bytes = withTensors(parts, dataBytes);
        try {
          for (const { offset, bytes: size } of readWeights(bytes).tensors) {
            expect(offset + size).toBeLessThanOrEqual(dataBytes);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(WeightsError);
        }
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (header) => {
        expect(() => readWeights(container(header, 0))).toThrow(WeightsError);
      }),
    );
  });

  const refused: [string, Uint8Array, RegExp][] = [
    ['another magic', new Uint8Array(64), /Not a ZLM1/],
    ['another version', container({}, 0, 2), /format version 2, and this reader knows 1/],
    ['broken JSON', container('{', 0), /not valid JSON/],
    ['broken UTF-8 in the header', container(new Uint8Array([0x7b, 0xff]), 0), /the header: not valid UTF-8/],
    ['overlap', withTensors([a, { ...b, offset: 0 }], 19), /"b" overlaps/],
    ['out of bounds', withTensors([a, { ...b, offset: 32 }], 19), /"b" runs out/],
    ['a shape that does not fit', withTensors([{ ...a, shape: [2, 3] }], 16), /needs 24/],
    ['a shape that overflows', withTensors([{ ...a, shape: [2 ** 52, 2 ** 52] }], 16), /needs/],
    ['a negative size', withTensors([{ ...a, shape: [-2, -2] }], 16), /no valid shape/],
    ['no alignment', withTensors([{ ...a, offset: 8 }], 24), /not aligned/],
    ['a name twice', withTensors([a, { ...b, name: 'a' }], 19), /there twice/],
    ['an unknown type', withTensors([{ ...a, dtype: 'f64' }], 16), /unknown type "f64"/],
    ['bytes of nobody', withTensors([a], 32), /16 bytes that belong to no tensor/],
  ];
  it.each(refused)('refuses %s', (_, bytes, message) => {
    expect(() => readWeights(bytes)).toThrow(message);
  });

  it('accepts the parts that those refusals are made of', () => {
    expect(readWeights(withTensors([a, b], 19)).tensors).toHaveLength(2);
  });

  it('names the tensor when another type or shape is asked for', () => {
    const weights = readWeights(file);
    expect(() => weights.f32('codes')).toThrow('Tensor "codes" is i8, and f32 was expected');
    expect(() => weights.f32('scale', [3, 2])).toThrow(
      'Tensor "scale" has shape [2,3], and [3,2] was expected',
    );
    expect(() => weights.text('nothing')).toThrow('Model "example" has no tensor "nothing"');
  });
});

describe('crc32', () => {
  it('is the CRC-32 of zip', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
});
