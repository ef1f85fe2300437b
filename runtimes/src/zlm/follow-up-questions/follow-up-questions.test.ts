import { readFileSync } from 'node:fs';
import { plainInference } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Piece, RunEnd } from '../../runtime.ts';
import { readWeights } from '../weights.ts';
import { readText } from './bindings.ts';
import { Lexicon } from './lexicon.ts';
import { marksOf } from './marks.ts';
import { baseOf, formsOf, singularOf } from './morphology.ts';
import { FollowUpModel, followUpQuestions } from './program.ts';
import { tagTokens } from './tagger.ts';
import { tokenizeSentences } from './tokens.ts';

const MODEL = 'zlm-v1-followup-questions-edge';
const weights = readWeights(
  readFileSync(new URL(`../../../../models/weights/${MODEL}/model.zlm`, import.meta.url)),
);
const model = new FollowUpModel(weights);
const lexicon = new Lexicon(weights);

const COUNCIL =
  'The town council of Marlow voted on Tuesday to rebuild the old bridge. Mayor Ellen Hart said the bridge was unsafe. ' +
  'Several residents criticized the plan.';

function expectThree(questions: readonly string[]): void {
  expect(questions).toHaveLength(3);
  expect(new Set(questions).size).toBe(3);
  for (const question of questions) expect(question).toMatch(/^[^\n{}]+\?$/);
}

describe('three questions', () => {
  const texts = [
    COUNCIL,
    'Audi AG is a German car maker based in Ingolstadt.',
    'Preheat the oven. Mix flour, butter and eggs, knead the dough and bake it for 40 minutes.',
    'def add(a, b):\n    return a + b\n\nprint(add(1, 2))',
    'Die Stadt sperrt ab Montag die Brücke. Die Anwohner sind mit dem Plan nicht zufrieden.',
    'Le maire de la ville a annoncé la fermeture de la piscine pour les travaux.',
    'El alcalde de la ciudad anunció el cierre de la piscina por las obras.',
    'Il sindaco della città ha annunciato la chiusura della piscina per i lavori.',
    'O prefeito da cidade anunciou que a piscina não vai abrir para os moradores.',
    'How do I reset my router?',
    '12 14 15 18 21',
    '🎉🎉',
    '',
    'asdkj qwlekj zxmcn qpwoei',
    'ok',
  ];
  it.each(texts)('of %j', (text) => expectThree(model.ask(text)));

  it('are on what the text says', () => {
    expect(model.ask(COUNCIL).join(' ')).toMatch(/council|bridge|Hart|residents|plan/);
  });

  it('are the same for the same text', () => {
    expect(model.ask(COUNCIL)).toEqual(model.ask(COUNCIL));
  });

  it('do not ask what a lease says already', () => {
    const lease =
      'The tenant pays a monthly rent to the landlord. The lease and the deposit of 500 euros: no pets, no repairs.';
    expect(model.ask(lease).join(' ')).not.toMatch(/How large is the deposit|pets|pay for repairs/);
  });
});

describe('articles', () => {
  const lead = (text: string) => readText(text, 'general', lexicon).defined;

  it.each([
    ['Bergen is a city on the west coast of Norway.', 'Bergen', 'place'],
    ['A clarinet is a musical instrument with a single reed.', 'a clarinet', 'tech'],
    ['Velmont Nights is a 1994 British romantic comedy film directed by Ann Hill.', 'Velmont Nights', 'work'],
    ['Tom Rill is a Danish television and film actor.', 'Tom Rill', 'person'],
    ['The Ostra 9 is a line of home computers made in Poland.', 'the Ostra 9', 'tech'],
  ])('%s', (text, subject, type) => {
    expect(lead(text)?.text).toBe(subject);
    expect(lead(text)?.types).toContain(type);
  });

  it('are none where something is told', () => {
    expect(lead('The mayor opened the bridge in May.')).toBeNull();
  });

  it('are asked about by their subject', () => {
    const questions = model.ask(
      'Bergen is a city on the west coast of Norway. It was founded long ago by a king.',
    );
    for (const question of questions) expect(question).toContain('Bergen');
  });
});

describe('the news', () => {
  it('are asked about by what they speak of', () => {
    const crash =
      'A train derailed near Oulton on Monday, police said. Two passengers were killed and nine injured in the crash.';
    expect(model.ask(crash).join(' ')).toMatch(
      /accident|crash|safety|rescue|wrong|fault|investigation|survivors/,
    );
  });
});

describe('what stands in the text', () => {
  it.each([
    ['because of the rain, said police on Monday', 'told:cause'],
    ['Some 40 passengers', 'told:count'],
    ['It costs $5', 'told:money'],
    ['critics condemned it', 'told:reaction'],
    ['The mayor said on Monday', 'reports'],
    ['In abstract algebra, a ring is a set', 'formal'],
  ])('%s', (text, mark) => expect(marksOf(text, 'news')).toContain(mark));

  it('is no report in an article', () => {
    expect(marksOf('Mass is a property of a body, he said on Monday.', 'definition')).not.toContain(
      'reports',
    );
  });

  it('is not asked for', () => {
    const text =
      'Trains are delayed on Monday because of snow, officials said. Some 4,000 passengers are stuck.';
    expect(model.ask(text).join(' ')).not.toMatch(/reason|How many passengers|cause/);
  });
});

describe('sentences in another language', () => {
  it('give nothing to ask about', () => {
    const mixed = 'The team met on Monday and discussed the new plan. Bitte schickt mir die Rechnung.';
    expect(model.ask(mixed).join(' ')).not.toMatch(/schickt|Rechnung|Bitte/);
  });
});

describe('properties', () => {
  it('asks three different questions of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => expectThree(model.ask(text))),
    );
  });

  it('asks three different questions of any words', () => {
    const words = fc.constantFrom(
      ...COUNCIL.split(' '),
      'because',
      'has',
      'not',
      '.',
      ',',
      '\n',
      '"',
      'who',
      'I',
      'plans to',
      '$5',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), (list) => expectThree(model.ask(list.join(' ')))),
    );
  });
});

describe('morphology', () => {
  it.each([
    ['voted', 'vote'],
    ['planned', 'plan'],
    ['carries', 'carry'],
    ['went', 'go'],
    ['making', 'make'],
    ['announced', 'announce'],
  ])('%s comes from %s', (form, base) => expect(baseOf(form, lexicon)).toBe(base));

  it('inflects verbs', () => {
    expect(formsOf('stop', lexicon)).toMatchObject({
      past: 'stopped',
      gerund: 'stopping',
      thirdPerson: 'stops',
    });
    expect(formsOf('write', lexicon)).toMatchObject({
      past: 'wrote',
      participle: 'written',
      gerund: 'writing',
    });
    expect(formsOf('try', lexicon)).toMatchObject({ past: 'tried', thirdPerson: 'tries' });
  });

  it('knows singulars', () => {
    expect(['bridges', 'cities', 'children', 'boxes', 'bus'].map(singularOf)).toEqual([
      'bridge',
      'city',
      'child',
      'box',
      'bus',
    ]);
  });
});

describe('tagger', () => {
  it('tells verbs from nouns by their company', () => {
    const tokens = tokenizeSentences('The council plans to close the school.')[0]!.tokens;
    expect(tagTokens(tokens, lexicon).map(({ tag }) => tag)).toEqual([
      'DT',
      'NN',
      'VZ',
      'TO',
      'VB',
      'DT',
      'NN',
      'ST',
    ]);
  });
});

describe('program', () => {
  const run = async (maxOutputTokens: number) => {
    const inference = { ...plainInference(MODEL, COUNCIL), maxOutputTokens };
    const pieces: string[] = [];
    const answer = followUpQuestions.load(weights, new Map()).run(inference, new AbortController().signal);
    let step: IteratorResult<Piece, RunEnd> = await answer.next();
    for (; !step.done; step = await answer.next())
      if (step.value.kind === 'text') pieces.push(step.value.text);
    return { text: pieces.join(''), end: step.value };
  };

  it('gives one question a line', async () => {
    const { text, end } = await run(256);
    expectThree(text.split('\n'));
    expect(end.finishReason).toBe('stop');
  });

  it('leaves out questions that do not fit', async () => {
    const { text, end } = await run(20);
    expect(text).toMatch(/^[^\n]+\?(?:\n[^\n]+\?)?$/);
    expect(end.finishReason).toBe('length');
    expect(end.outputTokens).toBeLessThanOrEqual(20);
  });
});
