import { readFile } from 'node:fs/promises';
import { readPiiOptions } from '@zerogpu/catalogue';
import { plainInference } from '@zerogpu/protocol';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LoadedModel } from '../../runtime.ts';
import { readWeights } from '../weights.ts';
import { loadBuiltIn } from '../zlm.ts';
import { type PiiAnswer, piiAnswer } from './pii.ts';
import { PiiModel } from './pii-model.ts';

const MODEL = 'zlm-v1-pii-edge';
const WEIGHTS = new URL(`../../../../models/weights/${MODEL}/model.zlm`, import.meta.url);

let model: PiiModel;
beforeAll(async () => {
  model = new PiiModel(readWeights(await readFile(WEIGHTS)));
});

function answer(text: string, metadata: Record<string, unknown> = {}): PiiAnswer {
  return piiAnswer(text, model, readPiiOptions({ metadata: { usecase: 'redact', ...metadata } }));
}

/** The answer's invariants: offsets, order, and the text rebuilt around the masks. */
function check(text: string, { redacted_text: redactedText, entities }: PiiAnswer): void {
  let rebuilt = '';
  let from = 0;
  for (const entity of entities) {
    expect(entity.start).toBeGreaterThanOrEqual(from);
    expect(text.slice(entity.start, entity.end)).toBe(entity.text);
    expect(entity.score).toBeGreaterThanOrEqual(0.5);
    rebuilt += `${text.slice(from, entity.start)}[${entity.label.toUpperCase().replaceAll(' ', '_')}]`;
    from = entity.end;
  }
  expect(rebuilt + text.slice(from)).toBe(redactedText);
}

const TEXTS = [
  'Hi, I am John Smith. Call me at (212) 555-0123 or john.smith@acme.com. I live at 123 Main Street, Springfield.',
  'Sehr geehrter Herr Müller, Ihre IBAN DE89 3704 0044 0532 0130 00. Anschrift: Hauptstraße 5a, 10115 Berlin.\r\nAnna Schmidt',
  'Je m’appelle Sophie Dubois, j’habite au 12 rue de la Paix, 75002 Paris, et j’ai 34 ans.',
  'Cliente: Juan Pérez García, DNI 12345678Z, C/ Mayor, 5, 28013 Madrid',
  'Il paziente Mario Rossi, nato il 10/12/1985, soffre di ipertensione. Via Garibaldi 12, 20121 Milano',
  'Meu nome é João da Silva, CPF 529.982.247-25, moro na Rua Augusta, 1500, São Paulo.',
  'MARIA GARCIA LIVES AT 45 OAK AVENUE, DENVER. PHONE: 303-555-0199',
  'my name is john smith and my ssn is 123-45-6789',
  '😀 apiKey: "AIzaSyD-1234567890abcdefghijklmnopqrstu", password: "hunter2!", host: "10.0.0.1" 👍',
];

describe('PII', () => {
  it.each([
    [TEXTS[0]!, 'Hi, I am [PERSON]. Call me at [PHONE_NUMBER] or [EMAIL]. I live at [STREET], [CITY].'],
    [
      TEXTS[1]!,
      'Sehr geehrter Herr [PERSON], Ihre IBAN [IBAN]. Anschrift: [STREET], [ZIP_CODE] [CITY].\r\n[PERSON]',
    ],
    [TEXTS[2]!, 'Je m’appelle [PERSON], j’habite au [STREET], [ZIP_CODE] [CITY], et j’ai [AGE].'],
    [TEXTS[3]!, 'Cliente: [PERSON], DNI [NATIONAL_ID_NUMBER], [STREET], [ZIP_CODE] [CITY]'],
    [
      TEXTS[4]!,
      'Il paziente [PERSON], nato il [DATE_OF_BIRTH], soffre di [MEDICAL_CONDITION]. [STREET], [ZIP_CODE] [CITY]',
    ],
    [TEXTS[5]!, 'Meu nome é [PERSON], CPF [TAX_ID], moro na [STREET], [CITY].'],
    [TEXTS[6]!, '[PERSON] LIVES AT [STREET], [CITY]. PHONE: [PHONE_NUMBER]'],
    [TEXTS[7]!, 'my name is [PERSON] and my ssn is [SOCIAL_SECURITY_NUMBER]'],
    [TEXTS[8]!, '😀 apiKey: "[API_KEY]", password: "[PASSWORD]", host: "[IP_ADDRESS]" 👍'],
  ])('%s', (text, expected) => {
    const found = answer(text);
    expect(found.redacted_text).toBe(expected);
    check(text, found);
  });

  it.each([
    [
      '“We never gave up,” said their head coach Marta\nRuiz after the game.',
      '“We never gave up,” said their head coach [PERSON] after the game.',
    ],
    [
      'Her neighbour is Brazilian, and a German citizen lives next door.',
      'Her neighbour is Brazilian, and a [NATIONALITY] citizen lives next door.',
    ],
    ['Are you American or Canadian?', 'Are you [NATIONALITY] or [NATIONALITY]?'],
    [
      'She likes Italian food, French wine and her Japanese car.',
      'She likes Italian food, French wine and her Japanese car.',
    ],
    ['Languages: Spanish (basic), German (fluent).', 'Languages: Spanish (basic), German (fluent).'],
    ['Invoice from Kettering, Doyle and Partners LLP', 'Invoice from [ORGANIZATION]'],
    ['Le siège de la Banque du Rhône est fermé.', 'Le siège de la [ORGANIZATION] est fermé.'],
    ['He works as a Senior Data Engineer.', 'He works as a [JOB_TITLE].'],
    [
      'Diagnosis: stage 3 lung cancer; start ferrous sulfate 200 mg.',
      'Diagnosis: [MEDICAL_CONDITION]; start [MEDICATION] 200 mg.',
    ],
    ['It fails in Version 2, with Firefox 131', 'It fails in Version 2, with Firefox 131'],
    ['Our branch: Lange Poten 14, 2511 CL Den Haag', 'Our branch: [STREET], [ZIP_CODE] [CITY]'],
    ['Die Händler in der Poststraße fürchten Einbußen.', 'Die Händler in der [STREET] fürchten Einbußen.'],
    ['She came from England.', 'She came from [COUNTRY].'],
  ])('%s', (text, expected) => {
    const found = answer(text);
    expect(found.redacted_text).toBe(expected);
    check(text, found);
  });

  it('looks into addresses of servers for who asks for no addresses', () => {
    const text = 'DB=mysql://root:s3cr-Et!9@192.0.2.15:3306/shop';
    expect(answer(text).entities_by_label).toEqual({ url: ['mysql://root:s3cr-Et!9@192.0.2.15:3306/shop'] });
    expect(answer(text, { labels: ['username', 'password', 'ip address'] }).entities_by_label).toEqual({
      username: ['root'],
      password: ['s3cr-Et!9'],
      'ip address': ['192.0.2.15'],
    });
  });

  it('finds no more in what it redacted', () => {
    for (const text of TEXTS) expect(answer(answer(text).redacted_text ?? '').entities).toEqual([]);
  });

  it('masks by characters in place', () => {
    expect(answer('IP 10.0.0.1.', { mask: 'char' }).redacted_text).toBe('IP ********.');
    expect(answer('IP 10.0.0.1.', { mask: '█' }).redacted_text).toBe('IP ████████.');
  });

  it('groups by label, and leaves the redacted text out of an extraction', () => {
    const found = answer('a@b.org, c@d.org', { usecase: 'extract' });
    expect(JSON.stringify(found)).toBe(
      '{"entities":[{"text":"a@b.org","label":"email","start":0,"end":7,"score":0.99},' +
        '{"text":"c@d.org","label":"email","start":9,"end":16,"score":0.99}],"entities_by_label":{"email":["a@b.org","c@d.org"]}}',
    );
  });

  it('restricts to labels and categories, by the caller’s names', () => {
    expect(answer(TEXTS[0]!, { categories: ['contact'] }).redacted_text).toContain(
      'John Smith. Call me at [PHONE_NUMBER] or [EMAIL]',
    );
    expect(answer(TEXTS[0]!, { labels: ['phone'] }).entities_by_label).toEqual({ phone: ['(212) 555-0123'] });
  });

  it('gives whole addresses to who asks for addresses', () => {
    const text = 'Ship to 123 Main Street, Springfield, IL 62704, United States today';
    expect(answer(text, { labels: ['address'] }).entities.map((entity) => entity.text)).toEqual([
      '123 Main Street, Springfield, IL 62704, United States',
    ]);
  });

  it('leaves nothing but what is certain at a high threshold', () => {
    for (const { score } of answer(TEXTS[0]!, { threshold: 0.95 }).entities)
      expect(score).toBeGreaterThanOrEqual(0.95);
  });

  it('keeps combining marks and surrogate pairs whole', () => {
    const text = 'Dear José\u0301, 👩\u200d🚀a@b.com';
    for (const { start, end } of answer(text).entities) {
      expect(text.slice(0, start).isWellFormed()).toBe(true);
      expect(text.slice(end).isWellFormed()).toBe(true);
    }
  });

  it('holds its invariants on any text', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom(...TEXTS.flatMap((text) => text.split(' '))),
        fc.string({ unit: 'binary', maxLength: 8 }),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(pieces, fc.constantFrom(' ', '\n', ', ', ''), (words, joint) => {
        const text = words.join(joint);
        check(text, answer(text));
      }),
      { numRuns: 50 },
    );
  });
});

describe('the program', () => {
  let loaded: LoadedModel;
  beforeAll(async () => {
    loaded = await loadBuiltIn(MODEL, () => readFile(WEIGHTS));
  });

  async function run(metadata: Record<string, unknown>): Promise<string> {
    let text = '';
    const inference = { ...plainInference(MODEL, 'Mail a@b.org'), metadata };
    for await (const piece of loaded.run(inference, new AbortController().signal)) text += piece.text;
    return text;
  }

  it('answers JSON with its keys in order', async () => {
    const found: unknown = JSON.parse(await run({ usecase: 'redact' }));
    expect(Object.keys(found ?? {})).toEqual(['redacted_text', 'entities', 'entities_by_label']);
  });

  it('refuses what it cannot work by, as the gateway does', async () => {
    await expect(run({ usecase: 'mask' })).rejects.toThrow('For example');
  });
});
