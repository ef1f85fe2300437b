/**
 * Trains and packs zlm-v1-extract-edge; `models/python/train_extract.py` runs it.
 *
 *     node train-extract.ts DATA FOLDER [--recall FACTOR] [--names FILE] [--repack FILE]
 *
 * FOLDER holds words.tsv, kinds.tsv, mentions.tsv and texts.txt. WNUT17's dev split is only measured, to choose the
 * recall factor. --names takes the names of a run before; --repack only renews the kinds of a weight file.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { lowerCase, NAME_TYPES, NameTagger, readWeights } from '@zerogpu/runtimes';
import {
  type GoldText,
  goldSets,
  isHeldOut,
  mentionLine,
  recased,
  type TrainingLine,
  trainingLine,
} from './extract/gold.ts';
import { type Kinds, readKinds } from './extract/kinds.ts';
import {
  findNames,
  firstNames,
  type Lexicon,
  nationalities,
  readLexicon,
  withNames,
} from './extract/lexicon.ts';
import { rates, scoreSpans, sum } from './extract/score.ts';
import { TAGS, trainNameTagger } from './extract/train-tagger.ts';
import type { TaggerWeights } from './tagger-trainer.ts';
import { weightsBytes } from './zlm-writer.ts';

/** One of so many sentences is enough. */
const MENTIONS_EVERY = 1;
const MODEL = 'zlm-v1-extract-edge';
const SETTINGS = { buckets: 1 << 18, epochs: 8, rate: 0.15, decay: 2e-5, seed: 7 };

const { values, positionals } = parseArgs({
  options: {
    recall: { type: 'string', default: '3' },
    repack: { type: 'string' },
    names: { type: 'string' },
  },
  allowPositionals: true,
});
const [data = '', folder = ''] = positionals;
const demonyms = nationalities(data);
const gold = goldSets(data);
const kinds: Kinds = readKinds(folder, demonyms);

/** Sentences of Wikipedia articles about something whose type is known. */
function mentionLines(): TrainingLine[] {
  return readFileSync(path.join(folder, 'mentions.tsv'), 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((row) => {
      const [name = '', sentence = ''] = row.split('\t');
      const type = kinds.types.get(lowerCase(name));
      return (type && mentionLine(sentence, name, type)) || [];
    })
    .filter((_, i) => i % MENTIONS_EVERY === 0);
}

function kept(texts: readonly GoldText[]): GoldText[] {
  return texts.filter((_, i) => !isHeldOut(i));
}

function trainingLines(): TrainingLine[] {
  const sets: [GoldText[], 'wnut' | 'btc' | 'wikigold'][] = [
    [gold.wnut, 'wnut'],
    ...gold.btc.map((texts): [GoldText[], 'btc'] => [kept(texts), 'btc']),
    [kept(gold.wikigold), 'wikigold'],
  ];
  const own = sets.flatMap(([texts, set]) =>
    texts.flatMap((text, i) => {
      const variants =
        i % 4 === 0 ? [text, recased(text, false)] : i % 8 === 1 ? [text, recased(text, true)] : [text];
      return variants.flatMap((variant) => trainingLine(variant, set, demonyms) ?? []);
    }),
  );
  return [...own, ...mentionLines()];
}

/** The tagger of a file with the kinds as they are now. */
function repack(file: string, recall: number): Uint8Array {
  const weights = readWeights(readFileSync(file));
  const words = {
    keys: weights.i32('wordKeys'),
    clusters: weights.u16('wordClusters'),
    capitals: weights.u8('wordCapitals'),
  };
  const names = { keys: weights.i32('nameKeys'), bits: weights.u8('nameBits') };
  return pack(lastWeights(readFileSync(file)), { words, names }, recall);
}

function pack(tagger: TaggerWeights, lexicon: Pick<Lexicon, 'words' | 'names'>, recall: number): Uint8Array {
  const { words, names } = lexicon;
  const meta = { program: 'extractor', taggerScale: tagger.scale, taggerRecall: recall };
  return weightsBytes(
    { model: MODEL, version: '1', meta },
    {
      emissions: { data: tagger.emissions, shape: [tagger.emissions.length / TAGS, TAGS] },
      transitions: { data: tagger.transitions, shape: [TAGS, TAGS] },
      wordKeys: { data: words.keys },
      wordClusters: { data: words.clusters },
      wordCapitals: { data: words.capitals },
      nameKeys: { data: names.keys },
      nameBits: { data: names.bits },
      kinds: { data: kinds.names.join('\n') },
      kindParents: { data: kinds.parents },
      kindAliases: { data: kinds.aliases },
      thingKeys: { data: kinds.thingKeys },
      thingKinds: { data: kinds.thingKinds, shape: [kinds.thingKeys.length, 2] },
    },
  );
}

function measure(tagger: NameTagger, texts: readonly GoldText[], name: string): void {
  for (const variant of ['as written', 'lower case'] as const) {
    const cased = variant === 'as written' ? texts : texts.map((text) => recased(text, false));
    const scored = sum(cased.map(({ text, spans }) => scoreSpans(spans, found(tagger, text))));
    const byType = NAME_TYPES.map((type) => {
      const label = type.replace(' ', '-');
      const { f1 } = rates(
        sum(
          cased.map(({ text, spans }) =>
            scoreSpans(
              spans.filter((s) => s.label === label),
              found(tagger, text).filter((s) => s.label === label),
            ),
          ),
        ),
      );
      return `${type} ${f1.toFixed(3)}`;
    });
    const { precision, recall, f1 } = rates(scored);
    console.log(
      `${name}, ${variant}: P ${precision.toFixed(3)} R ${recall.toFixed(3)} F1 ${f1.toFixed(3)} | ${byType.join(', ')}`,
    );
  }
}

function found(tagger: NameTagger, text: string) {
  return tagger
    .tag(text)
    .filter(({ label }) => label !== 'event')
    .map((span) => ({ ...span, label: span.label.replace(' ', '-') }));
}

function taggerOf(bytes: Uint8Array): NameTagger {
  return new NameTagger(readWeights(bytes));
}

/** Trains twice: the second time with the names that the first tagger finds in many texts. */
function main(): void {
  const recall = Number(values.recall);
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const words = withNames(readLexicon(path.join(folder, 'words.tsv'), firstNames(data)), kinds.bits);
  const lines = trainingLines();
  const names = values.names ? namesIn(values.names) : findMore(lines, words, recall);
  const lexicon = withNames(words, names);
  console.log(`${lines.length} lines, ${names.size} names, ${seconds()}`);
  const weights = trainNameTagger(lines, lexicon.lexicons, SETTINGS);
  for (const r of [1, 2, 3, 4, 6]) {
    measure(taggerOf(pack(weights, lexicon, r)), gold.dev, `WNUT17 dev, recall ${r}`);
  }
  const bytes = pack(weights, lexicon, recall);
  writeFileSync(path.join(folder, 'model.zlm'), bytes);
  console.log(`${bytes.length} bytes, ${seconds()}`);
}

function findMore(lines: readonly TrainingLine[], words: Lexicon, recall: number): Map<string, number> {
  const first = taggerOf(pack(trainNameTagger(lines, words.lexicons, SETTINGS), words, recall));
  const names = findNames(first, folder);
  const rows = [...names].map(([name, bits]) => `${name}\t${bits}`);
  writeFileSync(path.join(folder, 'names.tsv'), rows.join('\n'));
  return names;
}

/** What a run before has found, to save its time while experimenting. */
function namesIn(file: string): Map<string, number> {
  const rows = readFileSync(file, 'utf8').split('\n');
  return new Map(rows.map((row) => row.split('\t')).map(([name = '', bits]) => [name, Number(bits)]));
}

function lastWeights(bytes: Uint8Array): TaggerWeights {
  const weights = readWeights(bytes);
  return {
    emissions: weights.i8('emissions'),
    transitions: weights.f32('transitions'),
    scale: Number(weights.meta['taggerScale']),
  };
}

if (values.repack)
  writeFileSync(path.join(folder, 'model.zlm'), repack(values.repack, Number(values.recall)));
else main();
