import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EMBEDDING_DIMENSIONS } from '@zerogpu/catalogue';
import { plainInference } from '@zerogpu/protocol';
import { describe, expect, it } from 'vitest';
import { ModelInputError } from '../../runtime.ts';
import { loadBuiltIn } from '../zlm.ts';

const ID = 'zlm-v1-embed-edge';
const FOLDER = path.join(import.meta.dirname, '../../../../models/weights');
const model = await loadBuiltIn(ID, (id, file) => readFile(path.join(FOLDER, id, file)));

async function answer(text: string, metadata: Record<string, unknown> = {}, texts: string[] | null = null) {
  let whole = '';
  const inference = { ...plainInference(ID, text), metadata, texts };
  for await (const piece of model.run(inference, new AbortController().signal)) whole += piece.text;
  return JSON.parse(whole);
}

const length = (vector: number[]) => Math.hypot(...vector);

describe('the answer of the embedding model', () => {
  it('is an array of numbers of unit length, six decimals each', async () => {
    const vector: number[] = await answer('A quiet harbour at dawn');
    expect(vector.length).toBe(EMBEDDING_DIMENSIONS);
    expect(length(vector)).toBeCloseTo(1, 4);
    for (const value of vector) expect(String(value)).toMatch(/^-?\d(?:\.\d{1,6})?$|^-?\d(?:\.\d+)?e-6$/);
  });

  it('is cut to the leading dimensions, and of unit length again', async () => {
    const whole: number[] = await answer('A quiet harbour at dawn');
    const cut: number[] = await answer('A quiet harbour at dawn', { dimensions: 32 });
    expect(cut.length).toBe(32);
    expect(length(cut)).toBeCloseTo(1, 4);
    expect(cut[0]! / cut[1]!).toBeCloseTo(whole[0]! / whole[1]!, 2);
  });

  it('is base64 of 32-bit floats when that is asked for', async () => {
    const vector: number[] = await answer('A quiet harbour at dawn');
    const bytes = Buffer.from(
      await answer('A quiet harbour at dawn', { encoding_format: 'base64' }),
      'base64',
    );
    expect(bytes.length).toBe(4 * EMBEDDING_DIMENSIONS);
    for (const [i, value] of vector.entries()) expect(bytes.readFloatLE(4 * i)).toBeCloseTo(value, 5);
  });

  it('is zeros for a text without words', async () => {
    expect(await answer('…')).toEqual(new Array(EMBEDDING_DIMENSIONS).fill(0));
  });

  it('is one vector a text', async () => {
    const texts = ['one text', 'and another'];
    expect(await answer(texts[0]!, {}, texts)).toEqual([await answer(texts[0]!), await answer(texts[1]!)]);
  });

  it('refuses options that it does not know', async () => {
    await expect(answer('text', { dimensions: 0 })).rejects.toThrow(ModelInputError);
    await expect(answer('text', { encoding_format: 'hex' })).rejects.toMatchObject({
      param: 'metadata.encoding_format',
    });
  });
});
