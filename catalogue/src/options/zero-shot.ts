import type { Inference } from '@zerogpu/protocol';
import { TaskOptionsError } from './task-options-error.ts';

/** A classification by labels that the caller names. */
export interface ZeroShot {
  /** At least two, no two alike, as they were sent. */
  readonly labels: readonly string[];
  /** Labels that score below are left out; 0 keeps all. */
  readonly threshold: number;
  /** Whether each label is judged by itself, so that several or none may fit. */
  readonly multiLabel: boolean;
}

/** Each label costs about as much as a sentence of the text. */
export const MOST_LABELS = 100;
export const LONGEST_LABEL = 256;
/** Far more than the labels need at most; a longer list is refused unread. */
const LONGEST_LIST = 2 * MOST_LABELS * LONGEST_LABEL;

const EXAMPLE = { instructions: '[sports, finance, politics]' };
const METADATA_EXAMPLE = { metadata: { labels: ['sports', 'finance', 'politics'] } };
const HEADING = /^(?:the )?(?:candidate )?(?:labels|classes|categories|topics)\s*:/i;
const BULLET = /^\s*(?:[-*•]|\d{1,3}[.)])\s+/;
const QUOTES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '“': '”',
  '‘': '’',
  '«': '»',
  '`': '`',
};

/**
 * The labels, from `metadata.labels` or else from `instructions`; `metadata.threshold` and `metadata.multi_label`.
 * Metadata whose values are all strings, as some clients send it, is read too.
 * @throws TaskOptionsError
 */
export function zeroShotOptions(inference: Inference): ZeroShot {
  return {
    labels: labelsOf(inference),
    threshold: thresholdOf(inference.metadata['threshold'] ?? 0),
    multiLabel: multiLabelOf(inference.metadata['multi_label'] ?? false),
  };
}

function labelsOf({ metadata, instructions }: Inference): readonly string[] {
  const named = metadata['labels'] ?? null;
  const [param, example] = named === null ? ['instructions', EXAMPLE] : ['metadata.labels', METADATA_EXAMPLE];
  const refuse = (complaint: string) => new TaskOptionsError(param, complaint, example);
  const listed = Array.isArray(named) ? named : listIn(named ?? instructions ?? '', refuse);
  if (listed.length > 10 * MOST_LABELS) throw refuse(`There may be at most ${MOST_LABELS} labels`);
  const labels = [...new Set(listed.map((label) => labelOf(label, refuse)))];
  if (labels.length > MOST_LABELS) throw refuse(`There may be at most ${MOST_LABELS} labels`);
  if (labels.length < 2) {
    throw refuse(
      'Name at least two labels to choose from, in `instructions` (in chat: the system message) or in `metadata.labels`',
    );
  }
  return labels;
}

type Refuse = (complaint: string) => TaskOptionsError;

function labelOf(label: unknown, refuse: Refuse): string {
  const text = typeof label === 'number' ? String(label) : label;
  if (typeof text !== 'string' || text.trim() === '')
    throw refuse('Each label is a string that is not empty');
  if (text.length > LONGEST_LABEL) throw refuse(`A label has at most ${LONGEST_LABEL} characters`);
  return text;
}

/** The labels of a list that is written as text: a JSON array, or labels between commas, lines or semicolons. */
function listIn(list: unknown, refuse: Refuse): readonly unknown[] {
  if (typeof list !== 'string') throw refuse('The labels are an array of strings');
  if (list.length > LONGEST_LIST) throw refuse(`The labels take at most ${LONGEST_LIST} characters`);
  const text = list.trim();
  const open = text.indexOf('[');
  const close = text.lastIndexOf(']');
  const bracketed = open >= 0 && close > open;
  if (bracketed) {
    const parsed = jsonArray(text.slice(open, close + 1));
    if (parsed) return parsed;
  }
  return split(bracketed ? text.slice(open + 1, close) : text.replace(HEADING, ''));
}

function jsonArray(text: string): readonly unknown[] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** Pieces between commas, line ends or semicolons, without bullets and quotes; empty ones are left out. */
function split(list: string): string[] {
  const labels: string[] = [];
  for (let at = 0; at < list.length; ) {
    const end = quotedEnd(list, at) ?? unquotedEnd(list, at);
    const label = unquoted(list.slice(at, end).replace(BULLET, '').trim());
    if (label !== '') labels.push(label);
    at = end + 1;
  }
  return labels;
}

/** Where a piece in quotes ends, when one starts here and its closing quote ends the piece; looked for in one label's length. */
function quotedEnd(list: string, start: number): number | null {
  let first = start;
  while (first < list.length && isBlank(list.charAt(first))) first++;
  const quote = QUOTES[list.charAt(first)];
  if (quote === undefined) return null;
  for (let at = first + 1; at < list.length && at <= first + LONGEST_LABEL + 1; at++) {
    if (list.charAt(at) !== quote) continue;
    let end = at + 1;
    while (end < list.length && isBlank(list.charAt(end))) end++;
    if (end === list.length || isSeparator(list.charAt(end))) return end;
  }
  return null;
}

function unquotedEnd(list: string, start: number): number {
  let end = start;
  while (end < list.length && !isSeparator(list.charAt(end))) end++;
  return end;
}

function isSeparator(character: string): boolean {
  return character === ',' || character === ';' || character === '\n' || character === '|';
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\r';
}

function unquoted(piece: string): string {
  const closing = QUOTES[piece.charAt(0)];
  const isQuoted = closing !== undefined && piece.length > 1 && piece.endsWith(closing);
  return isQuoted ? piece.slice(1, -1).trim() : piece;
}

function thresholdOf(value: unknown): number {
  const threshold = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof threshold === 'number' && threshold >= 0 && threshold <= 1) return threshold;
  throw new TaskOptionsError('metadata.threshold', 'The threshold is a number from 0 to 1', {
    metadata: { threshold: 0.5 },
  });
}

function multiLabelOf(value: unknown): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new TaskOptionsError('metadata.multi_label', 'Whether several labels may fit is true or false', {
    metadata: { multi_label: true },
  });
}
