/** What a caller who makes a batch says of it. Pure. */
import { ApiError, BATCH_ENDPOINT, isRecord } from '@zerogpu/protocol';
import { quoted } from './validate-input.ts';

export interface NewBatch {
  readonly inputFileId: string;
  readonly endpoint: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** As OpenAI has them: enough to find a batch again, and little beside its row. */
const MAX_METADATA = { keys: 16, keyLength: 64, valueLength: 512 };
/** What an address may be; anything else no line may ask for, and some of it no text of the database can hold. */
const ENDPOINT_FORM = /^[\x21-\x7e]{1,256}$/;

/** @throws ApiError missing_required_parameter, invalid_type, invalid_value; the first that is wrong */
export function readNewBatch(body: Readonly<Record<string, unknown>>): NewBatch {
  const inputFileId = textOf(body, 'input_file_id');
  const endpoint = textOf(body, 'endpoint');
  if (!ENDPOINT_FORM.test(endpoint)) {
    const message = `endpoint must be an address such as ${BATCH_ENDPOINT}`;
    throw new ApiError('invalid_value', { message, param: 'endpoint' });
  }
  checkWindow(body['completion_window']);
  return { inputFileId, endpoint, metadata: metadataOf(body['metadata']) };
}

function textOf(body: Readonly<Record<string, unknown>>, field: string): string {
  const value = body[field] ?? '';
  if (typeof value !== 'string')
    throw new ApiError('invalid_type', { message: `${field} must be a string`, param: field });
  if (value !== '') return value;
  throw new ApiError('missing_required_parameter', { message: `${field} is required`, param: field });
}

function checkWindow(value: unknown): void {
  if (value === '24h') return;
  const code = (value ?? null) === null ? 'missing_required_parameter' : 'invalid_value';
  throw new ApiError(code, { message: 'completion_window must be "24h"', param: 'completion_window' });
}

function metadataOf(value: unknown): Readonly<Record<string, string>> {
  if ((value ?? null) === null) return {};
  if (!isRecord(value)) throw wrongType('metadata', 'an object');
  const entries = Object.entries(value);
  const { keys, keyLength, valueLength } = MAX_METADATA;
  if (entries.length > keys) throw wrongValue('metadata', `must have at most ${keys} keys`);
  for (const [key, text] of entries) {
    const param = `metadata.${quoted(key)}`;
    if (key.length > keyLength) throw wrongValue(param, `must have a key of at most ${keyLength} characters`);
    if (typeof text !== 'string') throw wrongType(param, 'a string');
    if (text.length > valueLength)
      throw wrongValue(param, `must be a string of at most ${valueLength} characters`);
  }
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

const wrongType = (param: string, wanted: string) =>
  new ApiError('invalid_type', { message: `${param} must be ${wanted}`, param });
const wrongValue = (param: string, what: string) =>
  new ApiError('invalid_value', { message: `${param} ${what}`, param });
