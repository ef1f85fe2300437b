import { readFile } from 'node:fs/promises';
import { extractionOptions } from '@zerogpu/catalogue';
import { plainInference } from '@zerogpu/protocol';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LoadedModel } from '../../runtime.ts';
import { PiiModel } from '../pii/pii-model.ts';
import { readWeights } from '../weights.ts';
import { loadBuiltIn } from '../zlm.ts';
import { Extractor } from './extractor.ts';

const weightsFile = (id: string) =>
  readFile(new URL(`../../../../models/weights/${id}/model.zlm`, import.meta.url));

let model: LoadedModel;
/** Without the zero-shot model, for what does not choose. */
let extractor: Extractor;

beforeAll(async () => {
  model = await loadBuiltIn('zlm-v1-extract-edge', weightsFile);
  extractor = new Extractor(
    readWeights(await weightsFile('zlm-v1-extract-edge')),
    null,
    new PiiModel(readWeights(await weightsFile('zlm-v1-pii-edge'))),
  );
});

async function answer(text: string, metadata: Record<string, unknown>): Promise<unknown> {
  let json = '';
  const inference = { ...plainInference('zlm-v1-extract-edge', text), metadata };
  for await (const piece of model.run(inference, new AbortController().signal)) json += piece.text;
  return JSON.parse(json);
}

function entities(text: string, labels: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(extractor.entities(text, labels, 0.5));
}

function records(text: string, schema: Record<string, readonly string[]>): unknown {
  const options = extractionOptions({ metadata: { usecase: 'json', schema } });
  return JSON.parse(extractor.answer(text, options)).data;
}

describe('ner', () => {
  it('finds names and amounts by labels in the order asked', async () => {
    const text = 'Apple CEO Tim Cook announced the iPhone 15 in Cupertino on September 12, 2023 for $799.';
    const labels = ['date', 'company', 'person', 'price', 'city'];
    expect(await answer(text, { usecase: 'ner', labels })).toEqual({
      entities: {
        date: ['September 12, 2023'],
        company: ['Apple'],
        person: ['Tim Cook'],
        price: ['$799'],
        city: ['Cupertino'],
      },
    });
  });

  it('needs no capitals', () => {
    expect(entities('elon musk will open a factory in berlin next year', ['person', 'city', 'date'])).toEqual(
      {
        person: ['elon musk'],
        city: ['berlin'],
        date: ['next year'],
      },
    );
  });

  it('knows what things are, by any wording of the label', () => {
    const text =
      'She takes ibuprofen against her headache, codes Python, and owns a golden retriever and two eagles.';
    expect(entities(text, ['Medications', 'symptom', 'coding_language', 'animals'])).toEqual({
      Medications: ['ibuprofen'],
      symptom: ['headache'],
      coding_language: ['Python'],
      animals: ['golden retriever', 'eagles'],
    });
  });

  it('finds what has a form', () => {
    const text = 'Write to ann@example.org or see https://example.org/a, before 10:30 am.';
    expect(entities(text, ['e-mail', 'website url', 'time'])).toEqual({
      'e-mail': ['ann@example.org'],
      'website url': ['https://example.org/a'],
      time: ['10:30 am'],
    });
  });

  it('takes what stands behind a label that it does not know', () => {
    expect(entities('Hobbies: chess, macramé\nGnarf: blub', ['gnarf', 'hobbies'])).toEqual({
      gnarf: ['blub'],
      hobbies: ['chess', 'macramé'],
    });
  });

  it('has every label once, also strange ones, and no text twice', () => {
    const found = [...extractor.entities('Paris and Paris', ['__proto__', 'city', '1'], 0.5)];
    expect(found).toEqual([
      ['__proto__', []],
      ['city', ['Paris']],
      ['1', []],
    ]);
  });
});

describe('json', () => {
  it('gives one record an instance, nulls where nothing is said', () => {
    const text =
      'The iPhone 15 Pro costs $999 and comes in blue. The Galaxy S24 is priced at $799 and is out of stock.';
    expect(records(text, { product: ['name::str', 'price::float', 'color::str', 'in_stock::bool'] })).toEqual(
      {
        product: [
          { name: 'iPhone 15 Pro', price: 999, color: 'blue', in_stock: null },
          { name: 'Galaxy S24', price: 799, color: null, in_stock: false },
        ],
      },
    );
  });

  it('reads lines of keys and values, and dates as ISO when they are complete', () => {
    const text = 'Rechnung Nr. 4711\nDatum: 5. März 2024\nKunde: Müller GmbH\nGesamtbetrag: 1.234,56 EUR';
    expect(records(text, { invoice: ['date::date', 'customer::str', 'total::float', 'paid::bool'] })).toEqual(
      {
        invoice: [{ date: '2024-03-05', customer: 'Müller GmbH', total: 1234.56, paid: null }],
      },
    );
    expect(records('Released: March 2024', { film: ['released::date'] })).toEqual({
      film: [{ released: 'March 2024' }],
    });
  });

  it('reads tables and lists', () => {
    expect(
      records('name,price,qty\nApple,1.20,3\nPear,0.80,10', { item: ['name', 'price::float', 'qty::int'] }),
    ).toEqual({
      item: [
        { name: 'Apple', price: 1.2, qty: 3 },
        { name: 'Pear', price: 0.8, qty: 10 },
      ],
    });
    expect(records('1. Pancakes - 20 minutes\n2. Lasagna - 90 minutes', { dish: ['name', 'time'] })).toEqual({
      dish: [
        { name: 'Pancakes', time: '20 minutes' },
        { name: 'Lasagna', time: '90 minutes' },
      ],
    });
  });

  it('tells roles apart by the words beside them', () => {
    const text = 'Microsoft acquired Activision Blizzard for $69 billion in 2022.';
    expect(records(text, { deal: ['target::str', 'acquirer::str', 'amount::str', 'year::int'] })).toEqual({
      deal: [{ target: 'Activision Blizzard', acquirer: 'Microsoft', amount: '$69 billion', year: 2022 }],
    });
  });

  it('chooses and denies', async () => {
    const text = 'Nice flat in Lisbon, rent $2,400 per month. No pets allowed, parking included.';
    const fields = ['type::[house|flat]::str', 'pets_allowed::bool', 'parking::bool', 'rent::int'];
    expect(await answer(text, { usecase: 'json', schema: { listing: fields } })).toEqual({
      data: { listing: [{ type: 'flat', pets_allowed: false, parking: true, rent: 2400 }] },
    });
  });

  it('invents nothing', () => {
    expect(records('It rained.', { invoice: ['number::str', 'total::float'] })).toEqual({ invoice: [] });
  });
});

describe('classification', () => {
  it('gives one label an axis', async () => {
    const schema = { topic: ['sports', 'politics'], sentiment: ['positive', 'negative'] };
    const found = await answer('The team won the match, what a wonderful game!', {
      usecase: 'classification',
      schema,
    });
    expect(found).toEqual({ classification: { topic: 'sports', sentiment: 'positive' } });
  });
});

describe('any text', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(
        fc.constantFrom(
          'Paris',
          ' ',
          '\n',
          '- ',
          ': ',
          '$5',
          'Name',
          '|',
          ',',
          '1.',
          'in 2024',
          '\ud800',
          'é',
          '. ',
        ),
        {
          maxLength: 60,
        },
      )
      .map((parts) => parts.join('')),
  );

  it('gives texts that are in it', () => {
    fc.assert(
      fc.property(text, (any) => {
        for (const [, texts] of extractor.entities(any, ['person', 'date', 'name', 'price', 'gnarf'], 0)) {
          for (const one of texts) expect(any).toContain(one);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('gives strings of records that are in it', () => {
    const fields = ['name::str', 'city::str', 'tags::list', 'note::str'];
    fc.assert(
      fc.property(text, (any) => {
        const found = JSON.stringify(records(any, { thing: fields }));
        const values: Record<string, unknown>[] = JSON.parse(found).thing;
        for (const record of values) {
          for (const value of Object.values(record).flat()) {
            if (typeof value === 'string' && value.isWellFormed()) expect(any).toContain(value);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
