/**
 * Extraction: the tagger on WNUT17's test (entities by exact place and type) and on held-out tweets and articles; and
 * records of texts written by hand, field by field.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { plainInference } from '@zerogpu/protocol';
import { type LoadedModel, loadBuiltIn, NameTagger } from '@zerogpu/runtimes';
import { type GoldText, goldSets, isHeldOut, readConll, recased } from '../extract/gold.ts';
import { rates, type Scored, scoreSpans, sum } from '../extract/score.ts';
import { type Evaluation, type EvaluationInput, type Table, weightsPath } from './evaluation.ts';

const CASES = path.join(import.meta.dirname, '../../data/extraction-cases.jsonl');
const MODEL = 'zlm-v1-extract-edge';
/** Labels of the tagger as the sets name them. */
const SET_LABELS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  wnut: {
    person: 'person',
    location: 'location',
    corporation: 'corporation',
    group: 'group',
    product: 'product',
    'creative work': 'creative-work',
  },
  three: { person: 'PER', location: 'LOC', corporation: 'ORG', group: 'ORG' },
};

export const extractionEvaluation: Evaluation = {
  model: MODEL,
  async run({ data, weights }: EvaluationInput): Promise<readonly Table[]> {
    const model = await loadBuiltIn(MODEL, (id) => readFile(weightsPath(id)));
    return [namesTable(new NameTagger(weights), data), await recordsTable(model)];
  },
};

function namesTable(tagger: NameTagger, data: string): Table {
  const gold = goldSets(data);
  const test = readConll(path.join(data, 'eval/ner/wnut17/emerging.test.annotated'));
  const held = (texts: readonly GoldText[]) => texts.filter((_, i) => isHeldOut(i));
  const lower = (texts: readonly GoldText[]) => texts.map((text) => recased(text, false));
  const rows: (readonly [string, readonly GoldText[], string])[] = [
    ['WNUT17 test', test, 'wnut'],
    ['WNUT17 test, lower case', lower(test), 'wnut'],
    ['WNUT17 dev', gold.dev, 'wnut'],
    ['BTC, held-out tenth (person, location, organization)', gold.btc.flatMap(held), 'three'],
    ['wikigold, held-out tenth (person, location, organization)', held(gold.wikigold), 'three'],
    ['wikigold, held-out tenth, lower case', lower(held(gold.wikigold)), 'three'],
  ];
  return {
    title: 'Names: exact spans with their types, default threshold',
    columns: ['set', 'texts', 'entities', 'precision', 'recall', 'F1'],
    rows: rows.map(([name, texts, labels]) => {
      const scored = sum(texts.map((text) => scoreText(tagger, text, SET_LABELS[labels]!)));
      return [name, texts.length, scored.gold, ...percentages(scored)];
    }),
  };
}

function scoreText(
  tagger: NameTagger,
  { text, spans }: GoldText,
  labels: Readonly<Record<string, string>>,
): Scored {
  const asked = new Set(Object.values(labels));
  const found = tagger.tag(text).flatMap((span) => {
    const label = labels[span.label];
    return label === undefined ? [] : [{ ...span, label }];
  });
  return scoreSpans(
    spans.filter(({ label }) => asked.has(label)),
    found,
  );
}

function percentages(scored: Scored): string[] {
  const { precision, recall, f1 } = rates(scored);
  return [precision, recall, f1].map((value) => (100 * value).toFixed(1));
}

type FieldRecord = Readonly<Record<string, unknown>>;

interface Case {
  readonly kind: string;
  readonly text: string;
  readonly schema: Readonly<Record<string, readonly string[]>>;
  readonly data: Readonly<Record<string, readonly FieldRecord[]>>;
}

async function recordsTable(model: LoadedModel): Promise<Table> {
  const cases = (await readFile(CASES, 'utf8')).trimEnd().split('\n').map(parseCase);
  const rows: (readonly (string | number)[])[] = [];
  const total = { records: 0, found: 0, fields: 0, right: 0, invented: 0 };
  const misses: string[] = [];
  for (const one of cases) {
    const found = await recordsIn(model, one);
    const score = scoreRecords(one, found, misses);
    rows.push([one.kind, score.records, score.found, `${score.right}/${score.fields}`, score.invented]);
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += score[key];
  }
  const share = ((100 * total.right) / total.fields).toFixed(1);
  rows.push([
    `all (${share} % of fields)`,
    total.records,
    total.found,
    `${total.right}/${total.fields}`,
    total.invented,
  ]);
  return {
    title: 'Records of texts written by hand',
    columns: ['text', 'records', 'found', 'fields right', 'values where none is'],
    rows,
    notes: misses.map((miss) => `- ${miss}`),
  };
}

function parseCase(line: string): Case {
  return JSON.parse(line);
}

async function recordsIn(model: LoadedModel, { text, schema }: Case): Promise<Case['data']> {
  const inference = { ...plainInference(MODEL, text), metadata: { usecase: 'json', schema } };
  let answer = '';
  for await (const piece of model.run(inference, new AbortController().signal)) answer += piece.text;
  return JSON.parse(answer).data;
}

function scoreRecords(one: Case, found: Case['data'], misses: string[]) {
  const score = { records: 0, found: 0, fields: 0, right: 0, invented: 0 };
  for (const [group, wanted] of Object.entries(one.data)) {
    const given = found[group] ?? [];
    score.records += wanted.length;
    score.found += given.length;
    wanted.forEach((record, i) => {
      for (const [field, value] of Object.entries(record)) {
        score.fields++;
        const other = given[i]?.[field] ?? null;
        const isRight = JSON.stringify(other) === JSON.stringify(value);
        if (isRight) score.right++;
        else misses.push(`${one.kind}, ${field}: ${JSON.stringify(other)} for ${JSON.stringify(value)}`);
        if (value === null && other !== null) score.invented++;
      }
    });
    score.invented += given.slice(wanted.length).length;
  }
  return score;
}
