import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { findManifest, tokenizerOf } from '@zerogpu/catalogue';
import { type Inference, plainInference } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelInputError } from '../../runtime.ts';
import { SentenceEncoder } from '../encoder/sentence-encoder.ts';
import { readWeights } from '../weights.ts';
import { loadBuiltIn } from '../zlm.ts';
import { ZeroShotModel } from './zero-shot-model.ts';

const ID = 'zlm-v1-zeroshot-edge';
const FOLDER = path.join(import.meta.dirname, '../../../../models/weights');
const read = (model: string, file: string) => readFile(path.join(FOLDER, model, file));
const weights = readWeights(await read(ID, 'model.zlm'));
const encoder = new SentenceEncoder(readWeights(await read('zlm-v1-embed-edge', 'model.zlm')));
const model = new ZeroShotModel(weights, encoder);

function best(text: string, labels: readonly string[]): string | undefined {
  const scores = model.scores(text, labels, false);
  return labels[scores.indexOf(Math.max(...scores))];
}

const TASKS = ['book a flight', 'play music', 'check the weather', 'order food'];
const CARDS = ['card lost', 'exchange rate', 'top up failed', 'change pin'];
const SUPPORT = ['billing issue', 'technical problem', 'feature request', 'praise'];
const NEWS = ['sports', 'finance', 'politics'];
const DESKS = ['cooking', 'law', 'medicine'];
const FEELINGS = ['anger', 'joy', 'fear', 'sadness'];
const POLES = ['positive', 'negative', 'neutral'];

describe('the best label of a clear text', () => {
  it.each<[string, readonly string[], string]>([
    ['The striker scored twice in the final minutes to win the cup.', NEWS, 'sports'],
    ['Shares of the bank fell after it reported a quarterly loss.', NEWS, 'finance'],
    ['The senate passed the bill after a long debate.', NEWS, 'politics'],
    ['I want to book a flight to Berlin next Monday', TASKS, 'book a flight'],
    ['put on some jazz please', TASKS, 'play music'],
    ['will it rain tomorrow in Oslo?', TASKS, 'check the weather'],
    ['two large pepperoni pizzas to my home', TASKS, 'order food'],
    ['My credit card was stolen on the train', CARDS, 'card lost'],
    ['How many euros do I get for 100 dollars?', CARDS, 'exchange rate'],
    ['I was charged twice this month and want my money back', SUPPORT, 'billing issue'],
    ['The app crashes whenever I open the settings page', SUPPORT, 'technical problem'],
    ['It would be great if you could add a dark mode', SUPPORT, 'feature request'],
    ['Your team did a wonderful job, thank you so much!', SUPPORT, 'praise'],
    ['Simmer the onions in butter, add the stock and season with salt.', DESKS, 'cooking'],
    ['The tenant shall pay the rent on the first day of each month.', DESKS, 'law'],
    ['The patient was given antibiotics for pneumonia.', DESKS, 'medicine'],
    ['The goalkeeper saved the penalty.', ['astronomy', 'cooking', 'football'], 'football'],
    ['The engine makes a strange noise when I brake', ['pets', 'politics', 'cars'], 'cars'],
    ['This phone is fantastic, the battery lasts for days.', POLES, 'positive'],
    ['This phone is not good at all, the battery dies in an hour.', POLES, 'negative'],
    ['Not bad at all, I would buy it again.', POLES, 'positive'],
    ['The parcel contains three books and a lamp.', POLES, 'neutral'],
    ['The food was great but the service was awful and slow', POLES, 'negative'],
    ['Ich bin sehr glücklich mit dem Produkt', POLES, 'positive'],
    ['C’est horrible, je déteste ce restaurant', POLES, 'negative'],
    ['El hotel no es bueno', POLES, 'negative'],
    ['#sohappy today', POLES, 'positive'],
    ['this is soooo goooood', POLES, 'positive'],
    ['my day :(', POLES, 'negative'],
    ['I can’t stand this place anymore 😡', FEELINGS, 'anger'],
    ['She cried all night after the funeral.', FEELINGS, 'sadness'],
    ['I am terrified of the dark alley behind the house', FEELINGS, 'fear'],
    ['We danced and laughed until midnight 🎉', FEELINGS, 'joy'],
    [
      'The movie was a waste of time, dull and predictable.',
      ['positive review', 'negative review'],
      'negative review',
    ],
    ['Horrible service, cold food.', ['5 stars', '1 star'], '1 star'],
    ['Horrible service, cold food.', ['happy customer', 'unhappy customer'], 'unhappy customer'],
    ['Can we move our meeting to Thursday?', ['spam', 'not spam'], 'not spam'],
    ['Please answer at once, the server is down!', ['urgent', 'not urgent'], 'urgent'],
    ['You are a stupid idiot and everyone hates you', ['toxic', 'friendly'], 'toxic'],
    ['Der Bundeskanzler sprach im Parlament über die Wahl.', ['politics', 'sports', 'cooking'], 'politics'],
    [
      'Der Stürmer schoss in der letzten Minute das Tor zum Sieg.',
      ['politics', 'sports', 'cooking'],
      'sports',
    ],
    ['El equipo ganó el partido de fútbol por dos goles.', ['politics', 'sports', 'cooking'], 'sports'],
    [
      'Le gouvernement a présenté une nouvelle loi au parlement.',
      ['politics', 'sports', 'cooking'],
      'politics',
    ],
  ])('%s', (text, labels, label) => {
    expect(best(text, labels)).toBe(label);
  });
});

describe('labels of the same meaning', () => {
  const TEXTS: readonly (readonly [text: string, feeling: number])[] = [
    ['They lied to us again, I am sick of these crooks!', 0],
    ['How dare you treat your staff like this, shame on you', 0],
    ['Best birthday ever, we laughed so much', 1],
    ['So happy to see my sister again', 1],
    ['Never give up, better days are coming', 2],
    ['I believe tomorrow will bring new opportunities', 2],
    ['I miss my grandmother, the house is so empty without her', 3],
    ['Feeling lonely and hopeless tonight', 3],
  ];

  it.each([
    [['anger', 'joy', 'optimism', 'sadness']],
    [['fury', 'delight', 'hope', 'sorrow']],
    [['angry', 'happy', 'optimistic', 'sad']],
    [['rage', 'cheerfulness', 'confidence', 'grief']],
    [['Anger', 'JOY', 'Optimism', 'Sadness']],
  ])('are answered alike: %j', (labels) => {
    for (const [text, feeling] of TEXTS) expect([text, best(text, labels)]).toEqual([text, labels[feeling]]);
  });
});

const anyLabels = fc.uniqueArray(
  fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
    fc.constantFrom(...FEELINGS, ...NEWS, ...TASKS, '__proto__', '7'),
  ),
  { minLength: 2, maxLength: 12 },
);
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .array(fc.constantFrom('not', '#good', ':(', '😀', 'bad', '!', 'but', '\ud83d'))
    .map((words) => words.join(' ')),
);

describe('scores', () => {
  it('are probabilities for anything, and sum to 1 where one label is chosen', () => {
    fc.assert(
      fc.property(anyText, anyLabels, fc.boolean(), (text, labels, multiLabel) => {
        const scores = model.scores(text, labels, multiLabel);
        expect(scores.length).toBe(labels.length);
        for (const score of scores) expect(score >= 0 && score <= 1).toBe(true);
        if (!multiLabel) expect(scores.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
      }),
      { numRuns: 200 },
    );
  });

  it('do not depend on what was asked before, nor on the order of the labels', () => {
    const text = 'The senate passed the bill';
    const fresh = new ZeroShotModel(weights, encoder).scores(text, NEWS, false);
    expect(model.scores(text, NEWS, false)).toEqual(fresh);
    const turned = model.scores(text, [...NEWS].reverse(), false);
    for (const [i, score] of fresh.entries()) expect(turned[NEWS.length - 1 - i]).toBeCloseTo(score, 12);
  });

  it('let several labels fit, or none, when each is judged by itself', () => {
    const text =
      'The club sold its striker for 80 million euros; shares of the club rose on the stock market.';
    const [sports, finance, cooking] = model.scores(text, ['sports', 'finance', 'cooking'], true);
    expect(Math.min(sports!, finance!)).toBeGreaterThan(0.3);
    expect(cooking).toBeLessThan(0.2);
  });

  it.each([
    'x'.repeat(131_072),
    '漢'.repeat(131_072),
    '\n'.repeat(131_072),
    'Go. '.repeat(32_768),
    '#a'.repeat(60_000),
    '😀'.repeat(65_536),
  ])('take any long text %#', (text) => {
    expect(model.scores(text, POLES, false).length).toBe(3);
  });
});

describe('the program', async () => {
  const loaded = await loadBuiltIn(ID, read);

  async function answer(options: Partial<Inference>) {
    const run = loaded.run(
      { ...plainInference(ID, 'The striker scored twice.'), ...options },
      new AbortController().signal,
    );
    let text = '';
    for (let next = await run.next(); ; next = await run.next()) {
      if (next.done) return { text, end: next.value };
      text += next.value.text;
    }
  }

  it('answers with an object, highest first, that sums to 1', async () => {
    const { text, end } = await answer({ instructions: '[finance, sports, politics]' });
    const scores: Record<string, number> = JSON.parse(text);
    expect(Object.keys(scores)[0]).toBe('sports');
    const values = Object.values(scores);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    expect(values.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect(end.outputTokens).toBe(tokenizerOf('zlm').count(text));
  });

  it('leaves out what is below the threshold', async () => {
    const { text } = await answer({ metadata: { labels: ['finance', 'sports'], threshold: 0.6 } });
    expect(Object.keys(JSON.parse(text))).toEqual(['sports']);
  });

  it('answers several texts with an array', async () => {
    const texts = ['The striker scored twice.', 'The bank lent him money.'];
    const { text } = await answer({ texts, metadata: { labels: ['finance', 'sports'] } });
    expect(JSON.parse(text).map((scores: object) => Object.keys(scores)[0])).toEqual(['sports', 'finance']);
  });

  it('refuses a request without labels and says what to send', async () => {
    await expect(answer({})).rejects.toThrow(ModelInputError);
    await expect(answer({ instructions: 'sports' })).rejects.toThrow('[sports, finance, politics]');
  });

  it('is the one of the manifest', () => {
    expect(findManifest(ID)?.needs).toEqual(['zlm-v1-embed-edge']);
    expect(loaded.residentBytes).toBeLessThan(16 * 1024 * 1024);
  });
});
