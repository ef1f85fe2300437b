/**
 * Trains and packs zlm-v1-pii-edge; `models/python/train_pii.py` runs it.
 *
 *     node train-pii.ts DATA FOLDER [--out FILE]
 *
 * FOLDER holds names.tsv and words.tsv.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  fold,
  type Gazetteer,
  type KeyedToken,
  KNOWN,
  PII_NAME_TYPES,
  PII_TAGS,
  piiFeaturesOf,
} from '@zerogpu/runtimes';
import { type GoldText, goldSets } from './extract/gold.ts';
import { Generator, type Marked, readTemplates } from './pii/generate.ts';
import { gazetteerOf, readKnown } from './pii/known.ts';
import { randomOf, type TaggerExample, type TaggerWeights, trainTagger } from './tagger-trainer.ts';
import { weightsBytes } from './zlm-writer.ts';

const MODEL = 'zlm-v1-pii-edge';
const VERSION = '1';
const SEED = 43;
const SETTINGS = { buckets: 1 << 17, epochs: 6, rate: 0.15, decay: 2e-5 };
const TEXTS_PER_TEMPLATE = 60;
/** Known names are hidden from so many of the examples, so that others are found too. */
const HIDDEN = 0.3;
const LANGUAGES = ['deu_Latn', 'fra_Latn', 'spa_Latn', 'ita_Latn', 'por_Latn', 'eng_Latn'];
const OUT = path.join(import.meta.dirname, '../weights', MODEL, 'model.zlm');

type Type = (typeof PII_NAME_TYPES)[number];

/** What the labels of gold sets mean here; others are outside. */
const MEANINGS: Readonly<Record<string, Type>> = {
  person: 'person',
  PER: 'person',
  location: 'place',
  LOC: 'place',
  corporation: 'organization',
  group: 'organization',
  ORG: 'organization',
};

const { values, positionals } = parseArgs({
  options: { out: { type: 'string', default: OUT } },
  allowPositionals: true,
});
const [data = '', folder = ''] = positionals;
const random = randomOf(SEED);

function goldTexts(): Marked[] {
  const { wnut, dev, btc, wikigold } = goldSets(data);
  return [...wnut, ...dev, ...btc.flat(), ...wikigold].map(markedOf);
}

function markedOf({ text, spans }: GoldText): Marked {
  return {
    text,
    spans: spans.flatMap(({ start, end, label }) => {
      const type = MEANINGS[label];
      return type ? [{ start, end, type }] : [];
    }),
  };
}

/** Sentences of five languages that hold no name, as far as lists and capitals tell. */
function plainSentences(gazetteer: Gazetteer): Marked[] {
  return LANGUAGES.flatMap((language) =>
    readFileSync(path.join(data, 'train/sib200', language, 'train.tsv'), 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((row) => {
        const text = row.split('\t')[2] ?? '';
        return text !== '' && isPlain(gazetteer.lines(text, fold(text))[0] ?? [], language === 'deu_Latn')
          ? [{ text, spans: [] }]
          : [];
      }),
  );
}

function isPlain(line: readonly KeyedToken[], isGerman: boolean): boolean {
  const named = KNOWN.first | KNOWN.surname | KNOWN.city | KNOWN.country | KNOWN.region | KNOWN.org;
  return line.every((token, i) => {
    const isCapital = fold(token.text) !== token.text && /^\p{Lu}/u.test(token.text);
    if (!isCapital || i === 0) return true;
    if (token.bits & named) return false;
    return isGerman
      ? !/^\p{Lu}/u.test(line[i + 1]?.text ?? '') && !/^\p{Lu}/u.test(line[i - 1]?.text ?? '')
      : false;
  });
}

function recased(marked: Marked, capitals: boolean): Marked {
  const text = capitals ? marked.text.toUpperCase() : marked.text.toLowerCase();
  return text.length === marked.text.length ? { ...marked, text } : marked;
}

function examplesOf(marked: Marked, gazetteer: Gazetteer): TaggerExample[] {
  const lines = gazetteer.lines(marked.text, fold(marked.text));
  const isHidden = random() < HIDDEN;
  return lines.map((line) => {
    const seen = isHidden ? line.map((token) => hidden(token, marked)) : line;
    return { features: piiFeaturesOf(seen), allowed: tagsOf(line, marked) };
  });
}

/** As if the token of a name were on no list. */
function hidden(token: KeyedToken, { spans }: Marked): KeyedToken {
  const isName = spans.some(({ start, end }) => token.start < end && start < token.end);
  return isName ? { ...token, bits: token.bits & KNOWN.common, phrase: 0 } : token;
}

function tagsOf(line: readonly KeyedToken[], { spans }: Marked): Int32Array {
  return Int32Array.from(line, (token, i) => {
    const span = spans.find(({ start, end }) => token.start < end && start < token.end);
    if (!span) return 1;
    const before = line[i - 1];
    const isFirst = !before || before.end <= span.start;
    return 1 << (1 + 2 * PII_NAME_TYPES.indexOf(span.type) + (isFirst ? 0 : 1));
  });
}

function pack(tagger: TaggerWeights, keys: Int32Array, bits: Uint16Array): Uint8Array {
  return weightsBytes(
    { model: MODEL, version: VERSION, meta: { program: 'pii', taggerScale: tagger.scale } },
    {
      emissions: { data: tagger.emissions, shape: [tagger.emissions.length / PII_TAGS, PII_TAGS] },
      transitions: { data: tagger.transitions, shape: [PII_TAGS, PII_TAGS] },
      keys: { data: keys },
      bits: { data: bits },
    },
  );
}

function main(): void {
  const known = readKnown(data, folder);
  const gazetteer = gazetteerOf(known);
  const generator = new Generator(known.names, random);
  const generated = readTemplates().flatMap((template) =>
    Array.from({ length: TEXTS_PER_TEMPLATE }, () => generator.fill(template)),
  );
  const texts = [...goldTexts(), ...plainSentences(gazetteer), ...generated];
  const all = texts.flatMap((text, i) => [
    text,
    ...(i % 4 === 0 ? [recased(text, false)] : []),
    ...(i % 8 === 1 ? [recased(text, true)] : []),
  ]);
  const examples = all.flatMap((text) => examplesOf(text, gazetteer));
  console.log(
    `${known.keys.length} known names and words, ${generated.length} generated texts, ${examples.length} lines`,
  );
  const bytes = pack(trainTagger(PII_TAGS, examples, SETTINGS, random), known.keys, known.bits);
  writeFileSync(values.out, bytes);
  console.log(`${bytes.length} bytes`);
}

main();
