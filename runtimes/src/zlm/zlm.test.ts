import { readFile } from 'node:fs/promises';
import { findManifest, tokenizerOf } from '@zerogpu/catalogue';
import { type Inference, type ModelManifest, plainInference } from '@zerogpu/protocol';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { FileSource, LoadedModel, RunEnd } from '../runtime.ts';
import { zlm } from './zlm.ts';

const SUMMARY = 'zlm-v1-summary-cloud';
const WEIGHTS = new URL(`../../../models/weights/${SUMMARY}/model.zlm`, import.meta.url);

const files: FileSource = { read: () => readFile(WEIGHTS) };
const tokenizer = tokenizerOf('zlm');
const signal = new AbortController().signal;

function manifest(changes: Partial<ModelManifest> = {}): ModelManifest {
  return { ...findManifest(SUMMARY)!, ...changes };
}

function inference(text: string, maxOutputTokens: number | null = null): Inference {
  return { ...plainInference(SUMMARY, text), maxOutputTokens };
}

async function run(model: LoadedModel, text: string, maxOutputTokens: number | null = null) {
  const pieces: string[] = [];
  const generator = model.run(inference(text, maxOutputTokens), signal);
  let step = await generator.next();
  while (!step.done) {
    expect(step.value.kind).toBe('text');
    pieces.push(step.value.text);
    step = await generator.next();
  }
  const end: RunEnd = step.value;
  return { pieces, text: pieces.join(''), ...end };
}

const QUAKE =
  'A magnitude 6.8 earthquake struck central Turkey on Friday evening, killing at least 22 people and injuring more than 1,000, officials said. ' +
  'Rescue teams worked through the night in freezing temperatures to reach people trapped under collapsed buildings in Elazig province. ' +
  '"We are doing everything we can," said Interior Minister Suleyman Soylu. ' +
  'He added that 5 buildings had collapsed in the city. ' +
  'The quake was felt in neighbouring Syria, Lebanon and Iran. ' +
  'Turkey lies on major fault lines and is among the most earthquake-prone countries in the world. ' +
  'In 1999, two strong quakes hit northwest Turkey and killed around 18,000 people.';

describe('zlm runtime with the summary model', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await zlm.load(manifest(), files, []);
  });

  it('keeps the facts of a news paragraph in sentences of the text, in order', async () => {
    const answer = await run(model, QUAKE);
    expect(answer.text).toContain('killing at least 22 people');
    expect(answer.finishReason).toBe('stop');
    expect(answer.pieces.length).toBeGreaterThanOrEqual(1);
    expect(answer.pieces.length).toBeLessThanOrEqual(4);
    const places = answer.pieces.map((piece) => QUAKE.indexOf(piece.trim()));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(answer.inputTokens).toBe(tokenizer.count(QUAKE));
    expect(answer.outputTokens).toBe(tokenizer.count(answer.text));
  });

  it('leaves out what stands around an article', async () => {
    const page = `Home News Sport Business\n\nSubscribe to our newsletter.\n\n${QUAKE}\n\nAll rights reserved. Follow us on Twitter.`;
    expect((await run(model, page)).text).toBe((await run(model, QUAKE)).text);
  });

  it('gives a text that is short already as it is', async () => {
    for (const text of ['', 'Hi', 'Two words. Three.', '😀😀', '\0', '\ud800', '!!!']) {
      expect(await run(model, `  ${text}\n`)).toMatchObject({ text, finishReason: 'stop' });
    }
  });

  it('never writes more tokens than allowed, and says so when it had to cut', async () => {
    const full = await run(model, QUAKE);
    for (let bound = 1; bound <= full.outputTokens; bound++) {
      const answer = await run(model, QUAKE, bound);
      expect(answer.outputTokens).toBeLessThanOrEqual(bound);
      expect(answer.text).not.toBe('');
      const isWhole = answer.text.endsWith('.') || answer.text.endsWith('"');
      expect(answer.finishReason).toBe(isWhole ? 'stop' : 'length');
    }
    expect((await run(model, QUAKE, 20)).text).toMatch(/\.$/);
    expect((await run(model, QUAKE, 3)).finishReason).toBe('length');
    const tight = await zlm.load(manifest({ maxOutputTokens: 5 }), files, []);
    expect((await run(tight, QUAKE, 100)).outputTokens).toBeLessThanOrEqual(5);
  });

  it('reads no further than the model’s input', async () => {
    const small = await zlm.load(manifest({ maxTokens: 30 }), files, []);
    expect(await run(small, QUAKE)).toEqual(await run(small, tokenizer.truncate(QUAKE, 30)));
  });

  it('answers any text within its bounds with words of the text alone', async () => {
    const part = fc.constantFrom(
      ...QUAKE.split(' '),
      '\n',
      '\n\n',
      '中文。',
      '- ',
      '😀',
      '\ud800',
      '"',
      '…',
      '1.',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 150 }).map((parts) => parts.join(' ')),
    );
    await fc.assert(
      fc.asyncProperty(text, fc.option(fc.integer({ min: 1, max: 80 })), async (text, bound) => {
        const answer = await run(model, text, bound);
        expect(answer.pieces.length).toBeLessThanOrEqual(4);
        expect(answer.outputTokens).toBeLessThanOrEqual(bound ?? 1024);
        const squeezed = text.replace(/\s+/g, '');
        for (const piece of answer.pieces) expect(squeezed).toContain(piece.replace(/\s+/g, ''));
      }),
      { numRuns: 300 },
    );
  });

  it('gets through the longest texts of any one character', async () => {
    const wide = await zlm.load(manifest({ maxTokens: 1_000_000 }), files, []);
    for (const part of ['a', ' ', '\n', '. ', 'a. ', 'A. ', '中', '。', '"', '😀', '- a\n', 'I.']) {
      const answer = await run(wide, part.repeat(Math.ceil(131_072 / part.length)));
      expect(answer.outputTokens).toBeLessThanOrEqual(1024);
    }
  });

  it('stops at the signal', async () => {
    const controller = new AbortController();
    const generator = model.run(inference(QUAKE), controller.signal);
    await generator.next();
    controller.abort(new Error('gone'));
    await expect(generator.next()).rejects.toThrow('gone');
    await expect(model.run(inference(QUAKE), controller.signal).next()).rejects.toThrow('gone');
  });

  it('lets runs overlap', async () => {
    const alone = await run(model, QUAKE);
    const many = await Promise.all(Array.from({ length: 5 }, () => run(model, QUAKE)));
    for (const one of many) expect(one).toEqual(alone);
  });

  it('runs no more once it is unloaded', async () => {
    const other = await zlm.load(manifest(), files, []);
    expect(other.residentBytes).toBeGreaterThan(100_000);
    other.unload();
    await expect(run(other, QUAKE)).rejects.toThrow(`Model ${SUMMARY} is unloaded`);
  });

  it('refuses weights that are damaged or another model’s', async () => {
    const damaged: FileSource = {
      read: async () => {
        const bytes = await readFile(WEIGHTS);
        bytes[bytes.length >> 1]! ^= 1;
        return bytes;
      },
    };
    await expect(zlm.load(manifest(), damaged, [])).rejects.toThrow('checksum');
    await expect(zlm.load(manifest({ id: 'other' }), files, [])).rejects.toThrow(
      'and other version 1 was asked for',
    );
    await expect(zlm.load(manifest({ version: '9' }), files, [])).rejects.toThrow('version 9 was asked for');
  });
});
