import type { Inference } from '@zerogpu/protocol';
import { PII_CATEGORIES, PII_LABELS, type PiiCategory, type PiiLabel, piiLabelOf } from './pii-labels.ts';
import { TaskOptionsError } from './task-options-error.ts';

const USECASES = ['redact', 'extract-pii', 'extract', 'ner'] as const;
const MAX_LABELS = 100;
const MAX_NAME_LENGTH = 256;
const DEFAULT_THRESHOLD = 0.5;
const EXAMPLE = { metadata: { usecase: 'redact', mask: 'label', categories: ['contact', 'financial'] } };
const LABELS_EXAMPLE = { metadata: { usecase: 'extract-pii', labels: ['person', 'phone number'] } };

export interface PiiOptions {
  /** True for `redact`: the answer has the text with the found spans masked. */
  readonly redacts: boolean;
  /** The kinds to find, each with the name that the answer gives it. */
  readonly labels: ReadonlyMap<PiiLabel, string>;
  /** True when the caller named labels, so that what was not named is not told. */
  readonly isNamed: boolean;
  /** What a span is replaced by: its label in brackets, or this character for each of its own. */
  readonly mask: { readonly kind: 'label' } | { readonly kind: 'character'; readonly character: string };
  /** Between 0 and 1; less certain findings are left out. */
  readonly threshold: number;
}

/**
 * The options of a PII request: `usecase`, `mask`, `threshold`, `categories`, `labels`. All may be absent: then
 * everything is found and nothing redacted.
 * @throws TaskOptionsError
 */
export function readPiiOptions({ metadata }: Pick<Inference, 'metadata'>): PiiOptions {
  const usecase = readUsecase(metadata['usecase']);
  const named = readLabels(metadata['labels']);
  const categories = readCategories(metadata['categories']);
  const all = Object.keys(PII_LABELS).flatMap((name) => piiLabelOf(name) ?? []);
  const labels = named ?? new Map(all.map((label) => [label, label]));
  return {
    redacts: usecase === 'redact',
    labels: categories ? within(labels, categories) : labels,
    isNamed: named !== null,
    mask: readMask(metadata['mask']),
    threshold: readThreshold(metadata['threshold']),
  };
}

function readUsecase(value: unknown): (typeof USECASES)[number] {
  if (value === undefined || value === null) return 'extract-pii';
  const usecase = USECASES.find((one) => one === value);
  if (usecase) return usecase;
  throw refused('usecase', `${shown(value)} is no usecase; known are ${USECASES.join(', ')}`);
}

function readMask(value: unknown): PiiOptions['mask'] {
  if (value === undefined || value === null || value === 'label') return { kind: 'label' };
  if (value === 'char') return { kind: 'character', character: '*' };
  if (typeof value === 'string' && [...value].length === 1 && value.isWellFormed()) {
    return { kind: 'character', character: value };
  }
  throw refused(
    'mask',
    `${shown(value)} is no mask: it is "label", "char", or a single character such as "*"`,
  );
}

function readThreshold(value: unknown): number {
  if (value === undefined || value === null) return DEFAULT_THRESHOLD;
  const number = typeof value === 'string' && /^[0-9.]{1,20}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && number >= 0 && number <= 1) return number;
  throw refused('threshold', `${shown(value)} is no threshold: it is a number between 0 and 1`);
}

function readCategories(value: unknown): ReadonlySet<PiiCategory> | null {
  const names = readNames('categories', value);
  if (!names) return null;
  const found = names.map((name) => {
    const key = name
      .trim()
      .toLowerCase()
      .replace(/[\s-]+/g, '_');
    const category = PII_CATEGORIES.find((one) => one === key);
    if (category) return category;
    throw refused('categories', `${shown(name)} is no category; known are ${PII_CATEGORIES.join(', ')}`);
  });
  return new Set(found);
}

function readLabels(value: unknown): Map<PiiLabel, string> | null {
  const names = readNames('labels', value);
  if (!names) return null;
  const labels = new Map<PiiLabel, string>();
  for (const name of names) {
    const label = piiLabelOf(name);
    if (!label) throw new TaskOptionsError('metadata.labels', unknownLabel(name), LABELS_EXAMPLE);
    if (!labels.has(label)) labels.set(label, name.trim());
  }
  return labels;
}

/** A list of names, also as JSON or with commas between, since some clients send only strings. */
function readNames(field: string, value: unknown): readonly string[] | null {
  if (value === undefined || value === null) return null;
  const names = typeof value === 'string' ? namesOf(value) : value;
  const example = field === 'labels' ? LABELS_EXAMPLE : EXAMPLE;
  const refuse = (complaint: string) => new TaskOptionsError(`metadata.${field}`, complaint, example);
  if (!Array.isArray(names)) throw refuse(`${field} is a list of names, and ${shown(value)} was sent`);
  if (names.length === 0) throw refuse(`${field} is an empty list; leave it out to get all`);
  if (names.length > MAX_LABELS)
    throw refuse(`${field} has ${names.length} names; at most ${MAX_LABELS} are read`);
  return names.map((name: unknown) => {
    if (typeof name !== 'string') throw refuse(`${field} has ${shown(name)}, which is no name`);
    if (name.length > MAX_NAME_LENGTH)
      throw refuse(`A name in ${field} is longer than ${MAX_NAME_LENGTH} characters`);
    return name;
  });
}

function namesOf(value: string): unknown {
  if (value.length > MAX_LABELS * MAX_NAME_LENGTH) return value.slice(0, MAX_NAME_LENGTH + 1).split('\0');
  if (!value.trim().startsWith('[')) return value.split(',').filter((name) => name.trim() !== '');
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

function within(
  labels: ReadonlyMap<PiiLabel, string>,
  categories: ReadonlySet<PiiCategory>,
): ReadonlyMap<PiiLabel, string> {
  return new Map([...labels].filter(([label]) => categories.has(PII_LABELS[label])));
}

function unknownLabel(name: string): string {
  const known = Object.keys(PII_LABELS);
  const near = nearest(name, known);
  const hint = near ? `did you mean ${JSON.stringify(near)}? All are: ` : 'known are: ';
  return `${shown(name)} is no label; ${hint}${known.join(', ')}`;
}

/** The label that shares the most pairs of letters with the name, where at least half of the name's are shared. */
function nearest(name: string, labels: readonly string[]): string | null {
  const pairs = pairsOf(name.toLowerCase());
  let best: string | null = null;
  let most = pairs.size / 2;
  for (const label of labels) {
    const shared = [...pairsOf(label)].filter((pair) => pairs.has(pair)).length;
    if (shared > most) [best, most] = [label, shared];
  }
  return best;
}

function pairsOf(word: string): ReadonlySet<string> {
  const pairs = new Set<string>();
  for (let i = 0; i + 1 < word.length; i++) pairs.add(word.slice(i, i + 2));
  return pairs;
}

function refused(field: string, complaint: string): TaskOptionsError {
  return new TaskOptionsError(`metadata.${field}`, complaint, EXAMPLE);
}

/** The value as JSON, cut where it is long. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
