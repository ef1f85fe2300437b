import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { plainInference } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoadedModel } from '../../runtime.ts';
import { loadBuiltIn } from '../zlm.ts';
import type { EnrichedProfile } from './iab-profile.ts';

const ENRICHED = 'zlm-v1-iab-classify-edge-enriched';
const CLOUD = 'zlm-v1-iab-classify-cloud';
const read = (model: string, file: string) =>
  readFile(path.join(import.meta.dirname, `../../../../models/weights/${model}/${file}`));
const models = new Map<string, LoadedModel>();
for (const id of [ENRICHED, CLOUD]) models.set(id, await loadBuiltIn(id, read));

async function answerOf(text: string, id: string = ENRICHED): Promise<string> {
  let answer = '';
  for await (const piece of models.get(id)!.run(plainInference(id, text), new AbortController().signal)) {
    if (piece.kind === 'text') answer += piece.text;
  }
  return answer;
}

async function profileOf(text: string, id: string = ENRICHED): Promise<EnrichedProfile> {
  return JSON.parse(await answerOf(text, id));
}

const NEWS =
  'The Federal Reserve left interest rates unchanged on Thursday and said that inflation was falling more slowly than it had expected. Treasury yields rose after the announcement. Higher interest rates make mortgages more expensive.';
const RECIPE =
  'Fry the chopped onion and garlic in olive oil until soft, add the tomatoes and a pinch of salt, and simmer for ten minutes. Pour the sauce over the pasta, cover with grated cheese and bake until golden.';
const MATCH =
  'The visitors took the lead when the striker headed in a corner, but two goals in the second half gave the home side a place in the semi-final. The goalkeeper was named player of the match.';

describe.each([ENRICHED, CLOUD])('the shape of an answer of %s', (id) => {
  it('has its keys in order', async () => {
    const profile = await profileOf(MATCH, id);
    expect(Object.keys(profile)).toEqual(['audience', 'content', 'topics', 'keywords', 'user_intent']);
    expect(Object.keys(profile.content)).toEqual(['iab_1_0', 'iab_2_2']);
    expect(profile.content.iab_1_0[0]).toEqual({
      code: 'IAB17',
      name: 'Sports',
      tier: 1,
      parent_code: null,
      score: expect.any(Number),
    });
    expect(profile.content.iab_1_0[1]).toMatchObject({
      code: 'IAB17-44',
      name: 'World Soccer',
      tier: 2,
      parent_code: 'IAB17',
    });
    const [sports, soccer] = profile.content.iab_2_2;
    expect(Object.keys(sports!)).toEqual(['id', 'parent_id', 'name', 'tier1_name', 'score']);
    expect(sports).toMatchObject({ id: '483', parent_id: null, name: 'Sports', tier1_name: 'Sports' });
    expect(Object.keys(soccer!)).toEqual(['id', 'parent_id', 'name', 'tier1_name', 'tier2_name', 'score']);
    expect(soccer).toMatchObject({ id: '533', parent_id: '483', tier1_name: 'Sports', tier2_name: 'Soccer' });
    expect(Object.keys(profile.user_intent)).toEqual(['name', 'category', 'score']);
    for (const topic of profile.topics) expect(Object.keys(topic)).toEqual(['name', 'score']);
  });

  it('gives segments their official ids and the names of the tiers above', async () => {
    const { audience } = await profileOf(MATCH, id);
    const soccer = audience.find(({ name }) => name === 'Soccer');
    expect(soccer).toMatchObject({ tier1_name: 'Interest', tier2_name: 'Sports', tier3_name: 'Soccer' });
    const sports = audience.find((entry) => entry.id === soccer!.parent_id);
    expect(sports).toMatchObject({ name: 'Sports', parent_id: '206', tier1_name: 'Interest' });
  });
});

describe('topics, keywords and intent', () => {
  it('names what a text is about', async () => {
    expect((await profileOf(NEWS)).topics.map(({ name }) => name)).toContain('interest rates');
    expect((await profileOf(RECIPE)).topics.map(({ name }) => name)).toContain('cooking');
    expect((await profileOf(MATCH)).topics.map(({ name }) => name)).toContain('soccer');
  });

  it.each([
    ['informational', NEWS],
    ['informational', RECIPE],
    ['informational', 'asdf qwer'],
    ['navigational', 'facebook login page'],
    ['commercial', 'best noise cancelling headphones compared'],
    ['transactional', 'Wireless headphones, 30-hour battery. $129.99. In stock. Add to cart.'],
  ])('finds a reader to be %s', async (category, text) => {
    expect((await profileOf(text)).user_intent.category).toBe(category);
  });
});

describe('a profile of any text', () => {
  const words = `${NEWS} ${RECIPE} ${MATCH}`.split(' ');
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fc.constantFrom(...words), { maxLength: 80 }).map((list) => list.join(' ')),
  );

  it.each([ENRICHED, CLOUD])('holds together: %s', async (id) => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => expectConsistent(text, await profileOf(text, id))),
      { numRuns: 150 },
    );
  });

  it.each(['', ' \n', '12 7 1945', '😀', '\ud800\udc00\ud800', 'x'.repeat(5000), '中'.repeat(3000)])(
    'says little of %j',
    async (text) => {
      const { audience, topics, user_intent } = await profileOf(text);
      expect(audience).toEqual([]);
      expect(topics).toEqual([]);
      expect(user_intent.category).toBe('informational');
    },
  );
});

function expectConsistent(text: string, profile: EnrichedProfile): void {
  const { audience, content, topics, keywords } = profile;
  for (const list of [audience, content.iab_2_2]) {
    const scores = new Map(list.map(({ id, score }) => [id, score]));
    for (const { parent_id, score } of list) {
      const parent = parent_id === null ? undefined : scores.get(parent_id);
      if (parent !== undefined) expect(parent).toBeGreaterThanOrEqual(score);
    }
  }
  const codes = new Map(content.iab_1_0.map(({ code, score }) => [code, score]));
  for (const { parent_code, score } of content.iab_1_0) {
    if (parent_code !== null) expect(codes.get(parent_code)).toBeGreaterThanOrEqual(score);
  }
  expect(keywords.length).toBeLessThanOrEqual(10);
  for (const keyword of keywords) expect(text).toContain(keyword);
  expect(new Set(keywords).size).toBe(keywords.length);
  for (const { name, score } of topics) {
    expect(name).toBe(name.toLowerCase());
    expect(score).toBeGreaterThan(0);
    expect(score).toBeLessThanOrEqual(1);
  }
}

describe('a long text', () => {
  it('shows each of its themes', async () => {
    const long = [RECIPE, MATCH, NEWS].map((theme) => `${theme} `.repeat(12)).join('\n\n');
    const { content } = await profileOf(long, CLOUD);
    const names = content.iab_2_2.map(({ name }) => name);
    for (const theme of ['Food & Drink', 'Sports', 'Business and Finance']) expect(names).toContain(theme);
  });
});
