import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TargetFailure } from '../flow.ts';
import { ResumingSink } from './resuming-sink.ts';

function recorder() {
  const got = { text: '', reasoning: '' };
  const piece = (kind: 'text' | 'reasoning', text: string) => {
    got[kind] += text;
  };
  return { got, sink: { piece } };
}

/** Cuts `text` at the given places, in order. */
function cut(text: string, places: readonly number[]): string[] {
  const at = [0, ...places.map((p) => p % (text.length + 1)).sort((a, b) => a - b), text.length];
  return at.slice(1).map((end, i) => text.slice(at[i], end));
}

describe('ResumingSink', () => {
  test('the caller has the answer once, however often it was begun and wherever it was cut', () => {
    const attempts = fc.array(fc.record({ places: fc.array(fc.nat(), { maxLength: 8 }), upTo: fc.nat(9) }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(fc.string(), fc.string(), attempts, (text, reasoning, all) => {
        const { got, sink } = recorder();
        const resuming = new ResumingSink(sink);
        for (const { places, upTo } of all) {
          const attempt = resuming.attempt();
          for (const piece of cut(reasoning, places).slice(0, upTo)) attempt.piece('reasoning', piece);
          for (const piece of cut(text, places).slice(0, upTo)) attempt.piece('text', piece);
        }
        resuming.complete(text, reasoning);
        expect(got).toEqual({ text, reasoning });
      }),
    );
  });

  test('never sends half a character, however the pieces are cut', () => {
    const emoji = fc.array(fc.constantFrom('😀', 'a', '𝕏', 'é'), { maxLength: 12 }).map((c) => c.join(''));
    fc.assert(
      fc.property(emoji, fc.array(fc.nat(), { maxLength: 20 }), fc.nat(20), (text, places, upTo) => {
        const pieces: string[] = [];
        const resuming = new ResumingSink({ piece: (_kind, piece) => pieces.push(piece) });
        const first = resuming.attempt();
        for (const piece of cut(text, places).slice(0, upTo)) first.piece('text', piece);
        const second = resuming.attempt();
        for (const piece of cut(text, [...places, 1])) second.piece('text', piece);
        resuming.complete(text, null);
        expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
        expect(pieces.join('')).toBe(text);
      }),
    );
  });

  test('an answer that ends in half a character is given as it is', () => {
    const { got, sink } = recorder();
    const resuming = new ResumingSink(sink);
    resuming.attempt().piece('text', 'odd\ud83d');
    expect(got.text).toBe('odd');
    resuming.complete('odd\ud83d', null);
    expect(got.text).toBe('odd\ud83d');
  });

  test('refuses an answer that differs from what the caller has', () => {
    const resuming = new ResumingSink(recorder().sink);
    resuming.attempt().piece('text', 'The cat');
    expect(() => resuming.attempt().piece('text', 'A')).toThrow(TargetFailure);
    expect(() => resuming.complete('The', null)).toThrow(TargetFailure);
    expect(() => resuming.complete('The dog', null)).toThrow(TargetFailure);
  });
});
