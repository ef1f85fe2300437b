import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { findManifest, tokenizerOf } from '@zerogpu/catalogue';
import { type Inference, plainInference } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readWeights } from '../weights.ts';
import { zlm } from '../zlm.ts';
import { IabModel, LONGEST_LIST, type ScoredName } from './iab-model.ts';

const ID = 'zlm-v1-iab-classify-edge';
const file = await readFile(path.join(import.meta.dirname, `../../../../models/weights/${ID}/model.zlm`));
const weights = readWeights(file);
const model = new IabModel(weights);

/** Texts of many walks of life, with the tier-1 categories that may come first in Content 1.0 and 2.2. */
const CASES: readonly (readonly [
  about: string,
  in10: string | RegExp,
  in22: string | RegExp,
  text: string,
])[] = [
  [
    'an election',
    /News|Politics/,
    'News and Politics',
    'Voters in three eastern states go to the polls on Sunday in an election that could cost the governing coalition its majority in the upper house. Opinion polls put the opposition four points ahead, and the prime minister spent the final day of the campaign in towns that her party has held for decades.',
  ],
  [
    'a football match',
    'Sports',
    'Sports',
    'The visitors took the lead after twelve minutes when the striker headed in a corner, but two goals in the last quarter of an hour, the second from the penalty spot, gave the home side a place in the semi-final. The goalkeeper, who saved twice in stoppage time, was named player of the match.',
  ],
  [
    'a central bank',
    /Business|Personal Finance/,
    /Business and Finance|Personal Finance/,
    'The central bank left interest rates unchanged on Thursday and said that inflation was falling more slowly than it had expected. Bond yields rose after the announcement, and economists now see the first cut in rates no earlier than the autumn.',
  ],
  [
    'chips',
    'Technology & Computing',
    'Technology & Computing',
    'The new processor packs twice as many cores into the same power budget and adds a dedicated unit for neural networks, so laptops built around it run language models without touching the cloud. Early benchmarks put its memory bandwidth well ahead of last year’s chip.',
  ],
  [
    'a hurricane',
    /News|Science/,
    'News and Politics',
    'The hurricane made landfall before dawn with winds of 210 kilometres per hour, flooding streets along the coast and cutting power to half a million homes. Rescue crews in boats pulled families from rooftops, and authorities ordered the evacuation of low-lying districts as the river kept rising.',
  ],
  [
    'a film',
    'Arts & Entertainment',
    'Movies',
    'Her third feature as a director is a slow-burning thriller set in a lighthouse, carried by two actors who are on screen in almost every scene. The cinematography is gorgeous and the screenplay wastes no line; it should be the film to beat at the festival.',
  ],
  [
    'a recipe',
    'Food & Drink',
    'Food & Drink',
    'Preheat the oven to 200 degrees. Fry the chopped onion and garlic in olive oil until soft, add the tomatoes and a pinch of salt, and simmer for ten minutes. Pour the sauce over the pasta, cover with grated cheese and bake until golden.',
  ],
  [
    'a court ruling',
    /News|Law/,
    'News and Politics',
    'The appeals court overturned the conviction on Tuesday, ruling that the judge had given the jury wrong instructions. Lawyers for the defendant said they would ask for his release, while prosecutors announced that they would seek a new trial.',
  ],
  [
    'a mortgage advertisement',
    'Personal Finance',
    'Personal Finance',
    'Lock in a low fixed rate on your mortgage today. Whether you are refinancing or buying your first home, our lenders compete for your loan: no application fee, approval in minutes, and a down payment from three percent with good credit.',
  ],
  [
    'a car review',
    'Automotive',
    'Automotive',
    'The hybrid powertrain of this year’s SUV is smooth around town, but the engine drones on the motorway and the steering gives little feedback. Rear seat space is generous, the boot swallows a pushchair, and it will return 50 miles per gallon if you drive gently.',
  ],
  [
    'travel',
    'Travel',
    'Travel',
    'Stay two nights in the old town, where small hotels overlook the harbour, and take the morning ferry to the island. The beaches on the north side are quieter; in September flights are cheap, the sea is still warm and most tourists have gone home.',
  ],
  [
    'an illness',
    'Health & Fitness',
    /Medical Health|Healthy Living/,
    'People with type 2 diabetes who walked after meals had lower blood sugar than those who did not, a clinical trial has found. Doctors caution that patients taking insulin should talk to their physician before changing their treatment.',
  ],
  [
    'pets',
    'Pets',
    'Pets',
    'If your puppy barks when you leave, start with short absences and come back before she gets anxious. Give her a chew toy, ignore the barking and reward calm behaviour with treats; most dogs settle within a few weeks.',
  ],
  [
    'a video game',
    /Hobbies|Video/,
    'Video Gaming',
    'The sequel keeps the open world of the original but rebuilds combat around parries, and the boss at the end of the second act took me a dozen tries. On the console it runs at a steady 60 frames per second; multiplayer for up to four players arrives in a patch next month.',
  ],
  [
    'real estate',
    'Real Estate',
    'Real Estate',
    'Charming three bedroom house with hardwood floors, updated kitchen and fenced back yard on a quiet street. Two full bathrooms, finished basement and a two car garage. Open house Sunday from one to four; contact the listing agent for a private showing.',
  ],
  [
    'fashion',
    'Style & Fashion',
    'Style & Fashion',
    'Wide-leg trousers, cropped jackets and ballet flats dominated the runway in Paris this week. The designer’s spring collection swaps black for butter yellow, with silk dresses worn over denim and handbags small enough to be jewellery.',
  ],
  [
    'religion',
    'Religion & Spirituality',
    'Religion & Spirituality',
    'In his sermon the pastor spoke of forgiveness and read from the Gospel of Luke. The congregation prayed for the sick, sang two hymns and shared communion before the Sunday school children returned to their parents.',
  ],
  [
    'space',
    'Science',
    'Science',
    'Astronomers using a space telescope have found water vapour in the atmosphere of a planet that orbits a red dwarf 120 light years away. The planet is larger than Earth, and its density suggests a rocky core under a deep ocean.',
  ],
  [
    'education',
    'Education',
    'Education',
    'The school district will give every fourth grade teacher a reading coach this autumn. Test scores have fallen since classrooms reopened, and parents asked the board for smaller classes, more tutoring and a new curriculum for pupils who are behind.',
  ],
  [
    'parenting',
    'Family & Parenting',
    'Family and Relationships',
    'Our toddler refuses to nap and wakes up twice a night. Other parents told us to move bedtime earlier and keep the same routine: bath, pyjamas, one story. How did you get your baby to sleep through, and when did you drop the bottle?',
  ],
  [
    'gardening',
    'Home & Garden',
    'Home & Garden',
    'Plant the tomato seedlings outdoors once the nights are warm. Dig compost into the soil, water at the roots rather than over the leaves, and mulch around the plants to keep weeds down. Marigolds in the same bed help against pests.',
  ],
  [
    'a pop album',
    'Arts & Entertainment',
    'Music and Audio',
    'The singer’s fourth album trades guitars for synthesizers, and the lead single has already topped the charts in nine countries. She wrote most of the songs on the road with her band; a stadium tour starts in May.',
  ],
  [
    'a job search',
    'Careers',
    'Careers',
    'Keep your resume to one page and begin each line with a verb. Before the interview, read the job description again, prepare two questions for the hiring manager, and know the salary you want; recruiters expect candidates to negotiate.',
  ],
  [
    'a merger',
    'Business',
    'Business and Finance',
    'The retailer agreed to buy its smaller rival for 4.2 billion dollars in cash and shares, the companies said on Monday. The deal, which needs the approval of shareholders and regulators, would create the country’s second largest chain; analysts expect store closures.',
  ],
  [
    'online shopping',
    'Shopping',
    'Shopping',
    'Save up to 40 percent in our weekend sale! Free shipping on all orders over $35, extra 10 percent off with coupon code at checkout. Gift cards make the perfect present; order by Friday for delivery before the holidays.',
  ],
];

describe('IAB categories of clear texts', () => {
  it.each(CASES)('%s', (_about, in10, in22, text) => {
    const { content } = model.classify(text);
    expect(content.iab_1_0[0]?.name).toMatch(wholly(in10));
    expect(content.iab_2_2[0]?.name).toMatch(wholly(in22));
  });
});

function wholly(name: string | RegExp): RegExp {
  return name instanceof RegExp ? name : new RegExp(`^${name.replaceAll('&', '&')}$`);
}

describe('an IAB profile', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(fc.constantFrom(...CASES.flatMap(([, , , text]) => text.split(' '))), { maxLength: 120 })
      .map((w) => w.join(' ')),
  );

  it('lists best first, scores between 0 and 1 with four decimals, each name of the taxonomy', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { audience, content } = model.classify(text);
        for (const [list, label] of [
          [audience, 'audience_1_1'],
          [content.iab_1_0, 'content_1_0'],
          [content.iab_2_2, 'content_2_2'],
        ] as const) {
          expectList(list, new Set(weights.lines(`${label}.names`)));
          if (list !== audience) expect(list.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('puts the parent of every category before it, with no lower score', () => {
    for (const label of ['content_1_0', 'content_2_2'] as const) {
      const names = weights.lines(`${label}.names`);
      const parents = weights.i16(`${label}.parents`);
      for (const [, , , text] of CASES) {
        const { content } = model.classify(text);
        const list = label === 'content_1_0' ? content.iab_1_0 : content.iab_2_2;
        for (const [place, entry] of list.entries()) {
          const parent = names[parents[names.indexOf(entry.name)]!];
          const before = list.slice(0, place).map(({ name }) => name);
          if (parent !== undefined) expect(before).toContain(parent);
        }
      }
    }
  });

  it.each(['', '   \n', 'asdf', '12 7 1945 3.14 88 401', '😀 😀', '中文字符', 'qzx vrrp kjhg lkjh'])(
    'is sure of nothing for %j',
    (text) => {
      const { audience, content } = model.classify(text);
      expect(content.iab_1_0[0]?.name).toBe('Uncategorized');
      expect(content.iab_2_2).toHaveLength(1);
      expect(content.iab_2_2[0]?.score).toBeLessThan(0.1);
      expect(audience).toEqual([]);
    },
  );

  it('is the same whatever ran before', () => {
    const alone = CASES.map(([, , , text]) => new IabModel(weights).classify(text));
    for (const [i, [, , , text]] of CASES.entries()) expect(model.classify(text)).toEqual(alone[i]);
  });

  it('weighs a repeated word no more than by its logarithm', () => {
    const { content } = model.classify(`${'football '.repeat(2000)} ${CASES[6]![3]}`);
    expect(content.iab_2_2.map(({ name }) => name)).toContain('Food & Drink');
  });
});

function expectList(list: readonly ScoredName[], names: ReadonlySet<string>): void {
  expect(list.length).toBeLessThanOrEqual(LONGEST_LIST);
  for (const [i, { name, score }] of list.entries()) {
    expect(names).toContain(name);
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
    expect(Number(score.toFixed(4))).toBe(score);
    if (i > 0) expect(score).toBeLessThanOrEqual(list[i - 1]!.score);
  }
}

describe('the program', () => {
  const inference = (text: string, maxOutputTokens: number | null): Inference => ({
    ...plainInference(ID, text),
    maxOutputTokens,
  });

  async function answer(text: string, maxOutputTokens: number | null = null) {
    const manifest = findManifest(ID)!;
    const loaded = await zlm.load(manifest, { read: () => Promise.resolve(new Uint8Array(file)) }, []);
    const run = loaded.run(inference(text, maxOutputTokens), new AbortController().signal);
    let joined = '';
    for (let next = await run.next(); ; next = await run.next()) {
      if (next.done) return { text: joined, end: next.value };
      joined += next.value.text;
    }
  }

  it('answers in JSON, keys in order, and counts what it read and wrote', async () => {
    const { text, end } = await answer(CASES[1]![3]);
    expect(text).toMatch(
      /^\{"audience":\[\{"name":"[^"]+","score":[0-9.]+\}.*"content":\{"iab_1_0":\[.*"iab_2_2":\[/,
    );
    expect(JSON.parse(text)).toEqual(model.classify(CASES[1]![3]));
    const tokenizer = tokenizerOf('zlm');
    expect(end).toEqual({
      finishReason: 'stop',
      inputTokens: tokenizer.count(CASES[1]![3]),
      outputTokens: tokenizer.count(text),
    });
  });

  it('reads no more than the first 400 tokens', async () => {
    const long = `${CASES[6]![3]} `.repeat(12) + `${CASES[1]![3]} `.repeat(50);
    const { text, end } = await answer(long);
    expect(end.inputTokens).toBe(400);
    expect(JSON.parse(text)).toEqual(model.classify(tokenizerOf('zlm').truncate(long, 400)));
  });

  it('stops at the bound on the answer', async () => {
    const { text, end } = await answer(CASES[1]![3], 10);
    expect(end.finishReason).toBe('length');
    expect(end.outputTokens).toBe(10);
    expect((await answer(CASES[1]![3])).text.startsWith(text)).toBe(true);
  });
});
