import { describe, expect, it } from 'vitest';
import { Trees } from './trees.ts';
import { type Dtype, Weights } from './weights.ts';

interface Parts {
  roots: number[];
  features: number[];
  thresholds: number[];
  links: number[];
  meta?: Record<string, unknown>;
}

/** Two trees: x0 <= 0.5 ? 10 : (x1 <= 2 ? 20 : 30), and a lone leaf of 4. */
const PARTS: Parts = {
  roots: [0, 5],
  features: [0, -1, 1, -1, -1, -1],
  thresholds: [0.5, 0, 2, 0, 0, 0],
  links: [1, 10, 3, 20, 30, 4],
};

function treesOf(changes: Partial<Parts> = {}, width = 2): Trees {
  const { roots, features, thresholds, links, meta } = { ...PARTS, ...changes };
  const arrays: [string, Dtype, Int32Array | Int16Array | Float32Array][] = [
    ['roots', 'i32', Int32Array.from(roots)],
    ['features', 'i16', Int16Array.from(features)],
    ['thresholds', 'f32', Float32Array.from(thresholds)],
    ['links', 'i32', Int32Array.from(links)],
  ];
  const data = new Uint8Array(256);
  const tensors = arrays.map(([name, dtype, array], i) => {
    data.set(new Uint8Array(array.buffer), i * 64);
    return { name, dtype, shape: [array.length], offset: i * 64, bytes: array.byteLength };
  });
  const header = { model: 'm', version: '1', meta: { leafScale: 2, base: 6, ...meta }, tensors };
  return new Trees(new Weights(header, data, data.length), width);
}

describe('Trees', () => {
  it('adds the leaves that the features lead to, and scales the sum', () => {
    const trees = treesOf();
    const scores = [
      [0, 0],
      [0.5, 9],
      [0.75, 2],
      [1, 3],
    ].map((x) => trees.score(Float32Array.from(x)));
    expect(scores).toEqual([10, 10, 15, 20]);
  });

  it.each([
    ['a child before its parent', { links: [0, 10, 3, 20, 30, 4] }, /no such child/],
    ['a child behind the end', { links: [5, 10, 3, 20, 30, 4] }, /no such child/],
    ['a root behind the end', { roots: [6] }, /no such root/],
    ['a feature that nobody computes', { features: [2, -1, 1, -1, -1, -1] }, /no feature 2/],
    ['no scale', { meta: { leafScale: 0 } }, /no leafScale/],
    ['another length', { links: [1] }, /shape/],
  ])('refuses %s', (_, changes, message) => {
    expect(() => treesOf(changes)).toThrow(message);
  });
});
