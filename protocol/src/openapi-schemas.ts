/** The schemas that the OpenAPI document names, as plain JSON with references among them. */
import type { TSchema } from '@sinclair/typebox';
import { BatchList, BatchObject, BatchRequest } from './schema/batches.ts';
import { ChatAnswer, ChatChunk, ChatRequest } from './schema/chat.ts';
import { ErrorBody } from './schema/common.ts';
import {
  EmbeddingsAnswer,
  EmbeddingsRequest,
  ModerationsAnswer,
  ModerationsRequest,
} from './schema/embeddings.ts';
import { FileDeleted, FileList, FileObject, FileUpload } from './schema/files.ts';
import { Health, ModelEntry, ModelList } from './schema/models.ts';
import { ResponsesAnswer, ResponsesRequest } from './schema/responses.ts';
import {
  GlinerAnswer,
  GlinerRequest,
  IabAnswer,
  IabRequest,
  SummaryAnswer,
  SummaryRequest,
} from './schema/tasks.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** What the routes of the API name. */
export const SCHEMAS = {
  ResponsesRequest,
  ResponsesAnswer,
  ChatRequest,
  ChatAnswer,
  ChatChunk,
  EmbeddingsRequest,
  EmbeddingsAnswer,
  ModerationsRequest,
  ModerationsAnswer,
  SummaryRequest,
  SummaryAnswer,
  IabRequest,
  IabAnswer,
  GlinerRequest,
  GlinerAnswer,
  Model: ModelEntry,
  ModelList,
  FileUpload,
  File: FileObject,
  FileList,
  FileDeleted,
  BatchRequest,
  Batch: BatchObject,
  BatchList,
  Health,
  Error: ErrorBody,
} as const satisfies Record<string, TSchema>;
export type SchemaName = keyof typeof SCHEMAS;

export const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });

/**
 * The document's schemas: those of the API, and whatever has an `$id` in `others`, however deep.
 * @throws Error when two different schemas have one name
 */
export function componentSchemas(others: readonly TSchema[]): Record<string, JsonObject> {
  const named = new Map<string, JsonObject>();
  for (const [name, schema] of Object.entries(SCHEMAS)) named.set(name, plainOf(schema));
  for (const schema of others) gather(plainOf(schema), named);
  const entries = [...named].map(([name, { $id: _, ...schema }]): [string, JsonObject] => [
    name,
    fieldsWithReferences(schema),
  ]);
  return Object.fromEntries(entries);
}

/** A schema in its place: the named ones in it, or it itself, by reference. */
export function inPlace(schema: TSchema): Json {
  return withReferences(plainOf(schema));
}

/** What TypeBox keeps for itself are symbols, which JSON has not. */
function plainOf(schema: TSchema): JsonObject {
  return JSON.parse(JSON.stringify(schema));
}

function gather(value: Json, named: Map<string, JsonObject>): void {
  if (Array.isArray(value)) for (const item of value) gather(item, named);
  if (!isObject(value)) return;
  const id = value['$id'];
  if (typeof id === 'string') {
    const known = named.get(id);
    if (
      known !== undefined &&
      JSON.stringify({ ...known, $id: id }) !== JSON.stringify({ ...value, $id: id })
    ) {
      throw new Error(`Two schemas are called "${id}"`);
    }
    named.set(id, value);
  }
  for (const item of Object.values(value)) gather(item, named);
}

/** A schema that holds a named one refers to it by name. */
function withReferences(value: Json): Json {
  if (Array.isArray(value)) return value.map(withReferences);
  if (!isObject(value)) return value;
  const id = value['$id'];
  return typeof id === 'string' ? ref(id) : fieldsWithReferences(value);
}

function fieldsWithReferences(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withReferences(item)]));
}

export function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
