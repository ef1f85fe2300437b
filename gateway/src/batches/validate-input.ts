/**
 * What the lines of a batch's input file must be. Clients match on the messages: they are the contract's, to the letter.
 * Pure.
 */
import { hash } from 'node:crypto';
import { ApiError, type ErrorCode, isRecord } from '@zerogpu/protocol';
import type { Line, LongLine } from './read-lines.ts';

export interface InputLimits {
  /** Addresses that lines may ask for. */
  readonly endpoints: readonly string[];
  readonly maxLines: number;
  readonly maxFileBytes: number;
  readonly maxLineBytes: number;
}

/** What is kept of a line: where its text lies, and the id that its result will carry. */
export interface InputLine {
  readonly number: number;
  /** A JSON string, quotes and all: what it means may hold what the database's text cannot. */
  readonly customId: string;
  readonly start: number;
  readonly length: number;
}

/** Long enough for any id or address that means something; a line may hold a million characters. */
const MAX_QUOTED = 200;
/** Of a SHA-256: enough that two ids of one file never share them, and 50,000 take a few megabytes. */
const KEPT_HASH_BYTES = 16;

/** @throws ApiError when the file is larger than an input may be */
export function checkInputSize(bytes: number, { maxFileBytes }: InputLimits): void {
  if (bytes > maxFileBytes) throw wholeFile(`Input file exceeds maximum size of ${maxFileBytes} bytes`);
}

/** Checks the lines of one file in order. */
export class InputCheck {
  readonly #endpoint: string;
  readonly #limits: InputLimits;
  readonly #seen = new Set<string>();

  /** @param endpoint of the batch */
  constructor(endpoint: string, limits: InputLimits) {
    this.#endpoint = endpoint;
    this.#limits = limits;
  }

  /** How many lines passed. */
  get count(): number {
    return this.#seen.size;
  }

  /**
   * @param value what the line says as JSON, undefined where it is none (`parseLine`, `RequestScan`)
   * @throws ApiError the first thing that is wrong with the line
   */
  take(line: Line | LongLine, value: unknown): InputLine {
    const { maxLines, maxLineBytes } = this.#limits;
    const { number } = line;
    if (this.count === maxLines) throw wholeFile(`Input file exceeds maximum of ${maxLines} lines`);
    if (line.bytes === null)
      throw fault(number, 'invalid_value', `exceeds maximum size of ${maxLineBytes} bytes`);
    const request = requestOf(number, value);
    const customId = this.#checkCustomId(number, request);
    checkMethod(number, request);
    this.#checkUrl(number, request);
    checkBody(number, request);
    return { number, customId, start: line.start, length: line.bytes.length };
  }

  /** @throws ApiError when there was no line */
  end(): void {
    if (this.count === 0) throw wholeFile('Input file contains no JSONL lines');
  }

  #checkCustomId(number: number, { custom_id: id }: Request): string {
    if (typeof id !== 'string' || id === '') throw missing(number, 'custom_id');
    // Of the literal: what UTF-8 cannot hold (half a pair of surrogates) is told apart in it.
    const literal = JSON.stringify(id);
    const digest = hash('sha256', literal, 'buffer').toString('latin1', 0, KEPT_HASH_BYTES);
    if (this.#seen.has(digest))
      throw fault(number, 'invalid_value', `duplicates custom_id "${quoted(id)}"`, 'custom_id');
    this.#seen.add(digest);
    return literal;
  }

  #checkUrl(number: number, { url }: Request): void {
    if (typeof url !== 'string' || url === '') throw missing(number, 'url');
    const wrong = (what: string) => fault(number, 'invalid_value', `url "${quoted(url)}" ${what}`, 'url');
    if (!this.#limits.endpoints.includes(url)) throw wrong('is not an allowed batch endpoint');
    if (url === this.#endpoint) return;
    // The first line says what the file is for: when that is something else, it is the batch that is wrong.
    if (this.count === 1) throw otherEndpoint(this.#endpoint, url);
    throw wrong(`does not match the batch endpoint "${quoted(this.#endpoint)}"`);
  }
}

type Request = Readonly<Record<string, unknown>>;

/** A mark in the middle of a file is no mark but a character, and JSON begins with none such. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * However deep: what is too deep for an endpoint is the line's own failure when it runs.
 * @returns undefined for what is no JSON
 */
export function parseLine(bytes: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}

function requestOf(number: number, value: unknown): Request {
  if (value === undefined) throw fault(number, 'invalid_json', 'is not valid JSON');
  if (!isRecord(value)) throw fault(number, 'invalid_type', 'must be a JSON object');
  return value;
}

function checkMethod(number: number, { method }: Request): void {
  if (method !== 'POST') throw fault(number, 'invalid_value', 'method must be "POST"', 'method');
}

function checkBody(number: number, { body }: Request): void {
  if (!isRecord(body)) throw missing(number, 'body');
  if (body['stream'] !== true) return;
  throw fault(
    number,
    'invalid_value',
    'has stream=true; streaming is not supported in batch mode',
    'body.stream',
  );
}

function missing(line: number, field: string): ApiError {
  return fault(line, 'missing_required_parameter', `is missing ${field}`, field);
}

function fault(line: number, code: ErrorCode, what: string, param?: string): ApiError {
  return new ApiError(code, { message: `Line ${line} ${what}`, line, ...(param ? { param } : {}) });
}

function wholeFile(message: string): ApiError {
  return new ApiError('invalid_value', { message, param: 'input_file_id' });
}

function otherEndpoint(endpoint: string, url: string): ApiError {
  const message = `endpoint "${quoted(endpoint)}" does not match the url "${quoted(url)}" used by the input file`;
  return new ApiError('invalid_value', { message, param: 'endpoint' });
}

/** What a caller wrote, as messages say it: cut between characters, not inside one. */
export function quoted(text: string): string {
  if (text.length <= MAX_QUOTED) return text;
  const end = text.codePointAt(MAX_QUOTED - 1)! > 0xffff ? MAX_QUOTED - 1 : MAX_QUOTED;
  return `${text.slice(0, end)}…`;
}
