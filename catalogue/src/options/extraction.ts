import type { Inference } from '@zerogpu/protocol';
import { TaskOptionsError } from './task-options-error.ts';

export const FIELD_TYPES = ['str', 'list', 'int', 'float', 'bool', 'date'] as const;

export type FieldType = (typeof FIELD_TYPES)[number];

/** What a record's field holds: `name::type::description`, or `name::[a|b|c]::str`. */
export interface FieldOption {
  readonly name: string;
  readonly type: FieldType;
  /** The only values that it may have; null when it may have any. */
  readonly choices: readonly string[] | null;
  /** Empty when none was given. */
  readonly description: string;
}

export interface GroupOption {
  readonly name: string;
  readonly fields: readonly FieldOption[];
}

export interface AxisOption {
  readonly name: string;
  /** Two at least. */
  readonly labels: readonly string[];
}

export type ExtractionOptions =
  | { readonly usecase: 'ner'; readonly labels: readonly string[]; readonly threshold: number }
  | { readonly usecase: 'json'; readonly groups: readonly GroupOption[]; readonly threshold: number }
  | { readonly usecase: 'classification'; readonly axes: readonly AxisOption[]; readonly threshold: number };

const MAX_NAMES = 100;
const MAX_NAME_LENGTH = 256;
const MAX_FIELD_LENGTH = 2048;
/** Groups, axes: each goes over the whole text. */
const MAX_GROUPS = 20;
/** A list or schema sent as text is refused unread when longer. */
const MAX_TEXT = 65_536;
const DEFAULT_THRESHOLD = 0.5;

const EXAMPLES = {
  ner: { metadata: { usecase: 'ner', labels: ['person', 'company', 'city'], threshold: 0.5 } },
  json: {
    metadata: {
      usecase: 'json',
      schema: {
        product: [
          'name::str::Full product name',
          'price::float::Price in dollars',
          'in_stock::bool',
          'condition::[new|used]::str',
        ],
      },
    },
  },
  classification: {
    metadata: {
      usecase: 'classification',
      schema: { sentiment: ['positive', 'negative', 'neutral'], topic: ['billing', 'shipping'] },
    },
  },
} as const;

type Usecase = keyof typeof EXAMPLES;

const USECASES = Object.keys(EXAMPLES) as readonly Usecase[];

const TYPE_NAMES: ReadonlyMap<string, FieldType> = new Map<string, FieldType>([
  ...FIELD_TYPES.map((type): [string, FieldType] => [type, type]),
  ['string', 'str'],
  ['text', 'str'],
  ['array', 'list'],
  ['integer', 'int'],
  ['number', 'float'],
  ['double', 'float'],
  ['boolean', 'bool'],
]);

/**
 * The options of an extraction: `usecase`, and `labels` or `schema` as it needs, `threshold`. Lists and schemas are
 * also read from JSON in a string, since some clients send only strings.
 * @throws TaskOptionsError
 */
export function extractionOptions({ metadata }: Pick<Inference, 'metadata'>): ExtractionOptions {
  const usecase = usecaseOf(metadata['usecase']);
  const threshold = thresholdOf(metadata['threshold'] ?? DEFAULT_THRESHOLD, usecase);
  switch (usecase) {
    case 'ner':
      return { usecase, labels: labelsOf(metadata['labels']), threshold };
    case 'json':
      return { usecase, groups: groupsOf(metadata['schema']), threshold };
    case 'classification':
      return { usecase, axes: axesOf(metadata['schema']), threshold };
  }
}

function usecaseOf(value: unknown): Usecase {
  const usecase = USECASES.find((one) => one === value);
  if (usecase) return usecase;
  const complaint =
    value === undefined || value === null
      ? 'Say what to extract: `usecase` is'
      : `${shown(value)} is no usecase; it is`;
  throw new TaskOptionsError('metadata.usecase', `${complaint} one of ${USECASES.join(', ')}`, EXAMPLES.ner);
}

function thresholdOf(value: unknown, usecase: Usecase): number {
  const number = typeof value === 'string' && /^[0-9.]{1,20}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && number >= 0 && number <= 1) return number;
  const example = { metadata: { ...EXAMPLES[usecase].metadata, threshold: DEFAULT_THRESHOLD } };
  throw new TaskOptionsError('metadata.threshold', 'The threshold is a number from 0 to 1', example);
}

type Refuse = (complaint: string) => TaskOptionsError;

function refusal(param: string, usecase: Usecase): Refuse {
  return (complaint) => new TaskOptionsError(param, complaint, EXAMPLES[usecase]);
}

function labelsOf(value: unknown): readonly string[] {
  const refuse = refusal('metadata.labels', 'ner');
  const listed = typeof value === 'string' ? listIn(value, refuse) : value;
  if (listed === undefined || listed === null) throw refuse('Name the labels to find in `labels`');
  return namesOf(listed, 'label', refuse);
}

/** A JSON array, or names with commas between. */
function listIn(text: string, refuse: Refuse): unknown {
  if (text.length > MAX_TEXT) throw refuse(`The labels take at most ${MAX_TEXT} characters`);
  const trimmed = text.trim();
  if (!trimmed.startsWith('[')) return trimmed.split(',').filter((name) => name.trim() !== '');
  return parsed(trimmed) ?? trimmed.replace(/^\[|\]$/g, '').split(',');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Non-empty strings, no two alike. */
function namesOf(value: unknown, what: string, refuse: Refuse): readonly string[] {
  if (!Array.isArray(value) || value.length === 0)
    throw refuse(`The ${what}s are a list of strings, one at least`);
  if (value.length > MAX_NAMES) throw refuse(`There may be at most ${MAX_NAMES} ${what}s`);
  return [...new Set(value.map((name) => nameOf(name, what, MAX_NAME_LENGTH, refuse)))];
}

function nameOf(value: unknown, what: string, longest: number, refuse: Refuse): string {
  if (typeof value !== 'string' || value.trim() === '') {
    throw refuse(`Each ${what} is a string that is not empty, and ${shown(value)} is not`);
  }
  if (value.length > longest) throw refuse(`A ${what} has at most ${longest} characters`);
  return value.trim();
}

function groupsOf(value: unknown): readonly GroupOption[] {
  const refuse = refusal('metadata.schema', 'json');
  return entriesOf(value, 'group', refuse).map(([name, fields]) => {
    const read = namesOfFields(fields, name, refuse).map((field) => fieldOf(field, refuse));
    const names = new Set(read.map((field) => field.name));
    if (names.size < read.length) throw refuse(`Two fields of ${shown(name)} have the same name`);
    return { name, fields: read };
  });
}

function namesOfFields(value: unknown, group: string, refuse: Refuse): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw refuse(`${shown(group)} is a list of fields, each "name::type::description"`);
  }
  if (value.length > MAX_NAMES) throw refuse(`A group has at most ${MAX_NAMES} fields`);
  return value.map((field) => nameOf(field, 'field', MAX_FIELD_LENGTH, refuse));
}

function axesOf(value: unknown): readonly AxisOption[] {
  const refuse = refusal('metadata.schema', 'classification');
  return entriesOf(value, 'axis', refuse).map(([name, labels]) => {
    const read = namesOf(labels, 'label', refuse);
    if (read.length < 2) throw refuse(`${shown(name)} needs two labels at least to choose from`);
    return { name, labels: read };
  });
}

function entriesOf(value: unknown, what: string, refuse: Refuse): readonly [string, unknown][] {
  const schema = typeof value === 'string' && value.length <= MAX_TEXT ? parsed(value) : value;
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw refuse('`schema` is an object of lists');
  }
  const entries = Object.entries(schema);
  if (entries.length === 0) throw refuse(`\`schema\` names one ${what} at least`);
  if (entries.length > MAX_GROUPS) throw refuse(`\`schema\` names at most ${MAX_GROUPS} groups`);
  return entries.map(([name, list]) => [nameOf(name, what, MAX_NAME_LENGTH, refuse), list]);
}

/** `name`, then in any order a type, choices in brackets, and a description; all three may be left out. */
function fieldOf(field: string, refuse: Refuse): FieldOption {
  const [name = '', ...parts] = field.split('::').map((part) => part.trim());
  let type: FieldType | null = null;
  let choices: readonly string[] | null = null;
  const description: string[] = [];
  for (const part of parts) {
    const named = TYPE_NAMES.get(part.toLowerCase());
    if (named && type === null) type = named;
    else if (choices === null && /^\[[^\]]*\]$/.test(part)) choices = choicesOf(part, field, refuse);
    else if (part !== '') description.push(part);
  }
  if (parts.length > 1 && type === null && choices === null && /^[a-z]{1,12}$/i.test(parts[0]!)) {
    throw refuse(`${shown(parts[0])} is no type of a field; known are ${FIELD_TYPES.join(', ')}`);
  }
  return {
    name: nameOf(name, 'field name', MAX_NAME_LENGTH, refuse),
    type: type ?? 'str',
    choices,
    description: description.join('::'),
  };
}

function choicesOf(part: string, field: string, refuse: Refuse): readonly string[] {
  const choices = part
    .slice(1, -1)
    .split('|')
    .map((choice) => choice.trim())
    .filter((choice) => choice !== '');
  if (choices.length === 0) throw refuse(`${shown(field)} names no choices`);
  return namesOf(choices, 'choice', refuse);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
