/**
 * Personal data: Presidio's synthetic sentences by a table of comparable types, hand-written texts in six languages,
 * and false alarms on news and abstracts, where hardly any sentence holds a telephone or card number.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PII_LABELS, type PiiLabel, type PiiOptions, readPiiOptions } from '@zerogpu/catalogue';
import { PiiModel, type Span, splitSentences } from '@zerogpu/runtimes';
import type { Evaluation, EvaluationInput, Table } from './evaluation.ts';

interface Marked {
  readonly text: string;
  readonly spans: readonly Gold[];
}

interface Gold {
  readonly start: number;
  readonly end: number;
  readonly label: string;
}

type Group = 'pattern types' | 'names and addresses' | 'other';

interface Comparable {
  readonly ours: readonly PiiLabel[];
  readonly group: Group;
}

/** Presidio's types and what they are here. DATE_TIME (any date) and TITLE ("Mr.") are nothing that we name. */
const PRESIDIO: Readonly<Record<string, Comparable>> = {
  PERSON: { ours: ['person'], group: 'names and addresses' },
  // A whole address or a part of one; what is found of it may be parts: see `partsOf`.
  STREET_ADDRESS: { ours: ['street'], group: 'names and addresses' },
  GPE: { ours: ['city', 'country'], group: 'names and addresses' },
  ORGANIZATION: { ours: ['organization'], group: 'other' },
  NRP: { ours: ['nationality'], group: 'other' },
  AGE: { ours: ['age'], group: 'other' },
  CREDIT_CARD: { ours: ['credit card number'], group: 'pattern types' },
  PHONE_NUMBER: { ours: ['phone number'], group: 'pattern types' },
  EMAIL_ADDRESS: { ours: ['email'], group: 'pattern types' },
  DOMAIN_NAME: { ours: ['url'], group: 'pattern types' },
  IP_ADDRESS: { ours: ['ip address'], group: 'pattern types' },
  IBAN_CODE: { ours: ['iban'], group: 'pattern types' },
  US_SSN: { ours: ['social security number'], group: 'pattern types' },
  US_DRIVER_LICENSE: { ours: ['driver license number'], group: 'pattern types' },
  ZIP_CODE: { ours: ['zip code'], group: 'pattern types' },
};

/** Labels that are told by words alone; the others are patterns. */
const NOT_PATTERNS: ReadonlySet<PiiLabel> = new Set([
  'person',
  'organization',
  'city',
  'country',
  'street',
  'address',
  'job title',
  'nationality',
  'medical condition',
  'medication',
  'age',
  'gender',
  'date of birth',
  'url',
  'username',
] as const);

const SECOND_TEXTS = 'pii-development-second.txt';

export const piiEvaluation: Evaluation = {
  model: 'zlm-v1-pii-edge',
  async run({ data, weights }: EvaluationInput): Promise<readonly Table[]> {
    const model = new PiiModel(weights);
    return [
      presidioTable(model, await presidioTexts(data)),
      developmentTable(model, 'pii-development.txt', await developmentTexts()),
      developmentTable(model, SECOND_TEXTS, await developmentTexts(SECOND_TEXTS)),
      alarmTable(model, [
        ['AG News test', await newsSentences(data)],
        ['SciTLDR test', await abstractSentences(data)],
      ]),
    ];
  },
};

async function presidioTexts(data: string): Promise<Marked[]> {
  const file = path.join(data, 'eval/presidio/synth_dataset_v2.dev.json');
  const rows: {
    full_text: string;
    spans: { start_position: number; end_position: number; entity_type: string }[];
  }[] = JSON.parse(await readFile(file, 'utf8'));
  return rows.map(({ full_text, spans }) => ({
    text: full_text,
    spans: spans.map((span) => ({
      start: span.start_position,
      end: span.end_position,
      label: span.entity_type,
    })),
  }));
}

/** Texts with `[[label|text]]`. */
export async function developmentTexts(name = 'pii-development.txt'): Promise<Marked[]> {
  const file = path.join(import.meta.dirname, '../../data', name);
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => !line.startsWith('#'));
  return lines.join('\n').trim().split('\n---\n').map(unmarked);
}

function unmarked(source: string): Marked {
  const spans: Gold[] = [];
  let text = '';
  let from = 0;
  for (const match of source.matchAll(/\[\[([^|\]]+)\|([^\]]+)\]\]/g)) {
    text += source.slice(from, match.index);
    const [, label = '', value = ''] = match;
    spans.push({ start: text.length, end: text.length + value.length, label });
    text += value;
    from = match.index + match[0].length;
  }
  return { text: text + source.slice(from), spans };
}

interface Counts {
  found: number;
  missed: number;
  wrong: number;
}

type Add = (label: string, key: keyof Counts) => void;

/** A span counts as found when one of its kind covers at least half of what both cover together. */
function count(
  gold: readonly Gold[],
  found: readonly Span[],
  kinds: (label: string) => readonly string[],
  add: Add,
  used: Set<Span>,
): void {
  for (const one of gold) {
    const match = found.find(
      (span) => !used.has(span) && kinds(one.label).includes(span.label) && overlap(one, span) >= 0.5,
    );
    if (match) used.add(match);
    add(one.label, match ? 'found' : 'missed');
  }
}

const PARTS: ReadonlySet<string> = new Set(['street', 'city', 'zip code', 'country', 'address']);

/** The parts inside an address that cover at least half of its letters and digits together; null when they do not. */
function partsOf(text: string, gold: Gold, found: readonly Span[]): Span[] | null {
  const parts = found.filter((span) => PARTS.has(span.label) && overlap(gold, span) > 0);
  let all = 0;
  let covered = 0;
  for (let at = gold.start; at < gold.end; at++) {
    if (!/[\p{L}\p{N}]/u.test(text.charAt(at))) continue;
    all++;
    if (parts.some(({ start, end }) => start <= at && at < end)) covered++;
  }
  return covered * 2 >= all ? parts : null;
}

function overlap(a: Gold, b: Gold): number {
  const shared = Math.min(a.end, b.end) - Math.max(a.start, b.start);
  return shared <= 0 ? 0 : shared / (Math.max(a.end, b.end) - Math.min(a.start, b.start));
}

class Tally {
  readonly #counts = new Map<string, Counts>();

  add(label: string, key: keyof Counts): void {
    const counts = this.#counts.get(label) ?? { found: 0, missed: 0, wrong: 0 };
    counts[key]++;
    this.#counts.set(label, counts);
  }

  row(name: string, labels: Iterable<string>): (string | number)[] {
    const sum = { found: 0, missed: 0, wrong: 0 };
    for (const label of labels) {
      const counts = this.#counts.get(label);
      if (!counts) continue;
      sum.found += counts.found;
      sum.missed += counts.missed;
      sum.wrong += counts.wrong;
    }
    const precision = sum.found / Math.max(1, sum.found + sum.wrong);
    const recall = sum.found / Math.max(1, sum.found + sum.missed);
    const f2 = (5 * precision * recall) / Math.max(1e-9, 4 * precision + recall);
    return [name, sum.found + sum.missed, precision.toFixed(3), recall.toFixed(3), f2.toFixed(3)];
  }

  get labels(): string[] {
    return [...this.#counts.keys()].sort();
  }
}

const COLUMNS = ['', 'spans', 'precision', 'recall', 'F2'];

function presidioTable(model: PiiModel, texts: readonly Marked[]): Table {
  const labels = Object.values(PRESIDIO).flatMap(({ ours }) => ours);
  const options = readPiiOptions({ metadata: { labels } });
  const tally = new Tally();
  for (const { text, spans } of texts) {
    const others = spans.filter(({ label }) => !PRESIDIO[label]);
    const found = model
      .find(text, options)
      .filter((span) => !others.some((other) => overlap(other, span) > 0));
    countPresidio(text, spans, found, (label, key) => tally.add(label, key));
  }
  const groups = ['pattern types', 'names and addresses', 'other'] as const;
  return {
    title:
      'Presidio synthetic sentences (the part given); an address is found when parts of addresses cover half of it',
    columns: COLUMNS,
    rows: [
      ...groups.map((group) =>
        tally.row(
          `**${group}**`,
          Object.keys(PRESIDIO).filter((type) => PRESIDIO[type]?.group === group),
        ),
      ),
      ...Object.entries(PRESIDIO).map(([type, { ours }]) =>
        tally.row(`${type} = ${ours.join(', ')}`, [type]),
      ),
    ],
    notes: [
      `${texts.length} sentences; DATE_TIME and TITLE are not comparable`,
      `Characters of comparable spans that a redaction without options leaves: ${leftOpen(model, texts)}`,
    ],
  };
}

function countPresidio(text: string, spans: readonly Gold[], found: readonly Span[], add: Add): void {
  const used = new Set<Span>();
  for (const address of spans.filter(({ label }) => label === 'STREET_ADDRESS')) {
    const parts = partsOf(text, address, found);
    for (const part of parts ?? []) used.add(part);
    add(address.label, parts ? 'found' : 'missed');
  }
  const gold = spans.filter(({ label }) => PRESIDIO[label] && label !== 'STREET_ADDRESS');
  count(gold, found, (label) => PRESIDIO[label]?.ours ?? [], add, used);
  for (const span of found) {
    const type = Object.keys(PRESIDIO).find((one) =>
      PRESIDIO[one]?.ours.some((label) => label === span.label),
    );
    if (!used.has(span) && type) add(type, 'wrong');
  }
}

/** Share of the characters of personal data that are in no span of any kind. */
function leftOpen(model: PiiModel, texts: readonly Marked[]): string {
  const options = readPiiOptions({ metadata: {} });
  let all = 0;
  let open = 0;
  for (const { text, spans } of texts) {
    const found = model.find(text, options);
    for (const gold of spans.filter(({ label }) => PRESIDIO[label])) {
      for (let at = gold.start; at < gold.end; at++) {
        if (!/[\p{L}\p{N}]/u.test(text.charAt(at))) continue;
        all++;
        if (!found.some(({ start, end }) => start <= at && at < end)) open++;
      }
    }
  }
  return `${((100 * open) / all).toFixed(1)} %`;
}

function developmentTable(model: PiiModel, file: string, texts: readonly Marked[]): Table {
  const options = readPiiOptions({ metadata: {} });
  const tally = new Tally();
  for (const { text, spans } of texts) {
    const used = new Set<Span>();
    const found = model.find(text, options);
    const add: Add = (label, key) => tally.add(label, key);
    count(spans, found, (label) => [label], add, used);
    for (const span of found) if (!used.has(span)) add(span.label, 'wrong');
  }
  return {
    title: `Hand-written texts in six languages (models/data/${file}), request without labels`,
    columns: COLUMNS,
    rows: [tally.row('**all**', tally.labels), ...tally.labels.map((label) => tally.row(label, [label]))],
    notes: [`${texts.length} texts; development was guided by them`],
  };
}

async function newsSentences(data: string): Promise<string[]> {
  const csv = await readFile(path.join(data, 'eval/agnews/test.csv'), 'utf8');
  return csv.split('\n').flatMap((row) => {
    const cells = [...row.matchAll(/"((?:[^"]|"")*)"/g)].map((cell) => (cell[1] ?? '').replaceAll('""', '"'));
    return cells.slice(1).flatMap(sentencesOf);
  });
}

async function abstractSentences(data: string): Promise<string[]> {
  const lines = (await readFile(path.join(data, 'eval/scitldr/test.jsonl'), 'utf8'))
    .split('\n')
    .filter(Boolean);
  return lines.flatMap((line): string[] => JSON.parse(line).source);
}

function sentencesOf(text: string): string[] {
  return splitSentences(text).map(({ start, end }) => text.slice(start, end));
}

function alarmTable(model: PiiModel, sets: readonly (readonly [string, readonly string[]])[]): Table {
  const patterns = (Object.keys(PII_LABELS) as PiiLabel[]).filter((label) => !NOT_PATTERNS.has(label));
  const options = readPiiOptions({ metadata: { labels: patterns } });
  return {
    title: 'False alarms of pattern types',
    columns: ['', 'sentences', 'with an alarm', 'share', 'labels'],
    rows: sets.map(([name, sentences]) => alarmRow(name, model, sentences, options)),
  };
}

function alarmRow(
  name: string,
  model: PiiModel,
  sentences: readonly string[],
  options: PiiOptions,
): (string | number)[] {
  const labels = new Map<string, number>();
  let alarmed = 0;
  for (const sentence of sentences) {
    const found = model.find(sentence, options);
    if (found.length > 0) alarmed++;
    for (const { label } of found) labels.set(label, (labels.get(label) ?? 0) + 1);
  }
  const share = `${((100 * alarmed) / sentences.length).toFixed(3)} %`;
  return [
    name,
    sentences.length,
    alarmed,
    share,
    [...labels].map(([label, times]) => `${label} ${times}`).join(', '),
  ];
}
