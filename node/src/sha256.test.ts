import { createHash } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { sha256Hex } from './sha256.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each([0, 1, 55, 56, 64, 1_000_003])(
  'of %i bytes, with and without the platform’s own',
  async (length) => {
    const bytes = new Uint8Array(length).map((_, i) => i * 31);
    const truth = createHash('sha256').update(bytes).digest('hex');
    expect(await sha256Hex(bytes)).toBe(truth);
    vi.stubGlobal('crypto', {});
    expect(await sha256Hex(bytes)).toBe(truth);
  },
);
