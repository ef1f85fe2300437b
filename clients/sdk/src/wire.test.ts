/** Types only: the compiler holds what this package says of the wire against the platform's own schemas. */
import type * as protocol from '@zerogpu/protocol';
import { expect, test } from 'vitest';
import { STATUS_OF_CODE } from './errors.ts';
import type * as sdk from './types.ts';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type SameKeys<A, B> = Same<keyof A, keyof B>;
/** Optional fields made required at every depth, so that one that only one side has shows. */
type Filled<T> = T extends (infer Item)[]
  ? Filled<Item>[]
  : T extends object
    ? { [Field in keyof T]-?: Filled<T[Field]> }
    : T;
type SameAnswer<A, B> = Same<Filled<A>, Filled<B>>;
/** What may be written besides the platform's form: `undefined` for an absent field. */
type Accepts<Wide, Narrow> = [Narrow] extends [Wide] ? true : false;

const checks = {
  responsesRequest: true satisfies Accepts<sdk.ResponsesRequest, protocol.ResponsesRequest>,
  responsesRequestFields: true satisfies SameKeys<sdk.ResponsesRequest, protocol.ResponsesRequest>,
  responsesAnswer: true satisfies SameAnswer<sdk.ResponsesAnswer, protocol.ResponsesAnswer>,
  chatRequest: true satisfies Accepts<sdk.ChatRequest, protocol.ChatRequest>,
  chatRequestFields: true satisfies SameKeys<sdk.ChatRequest, protocol.ChatRequest>,
  chatAnswer: true satisfies SameAnswer<sdk.ChatAnswer, protocol.ChatAnswer>,
  chatChunk: true satisfies SameAnswer<sdk.ChatChunk, protocol.ChatChunk>,
  embeddingsRequest: true satisfies Accepts<sdk.EmbeddingsRequest, protocol.EmbeddingsRequest>,
  embeddingsRequestFields: true satisfies SameKeys<sdk.EmbeddingsRequest, protocol.EmbeddingsRequest>,
  embeddingsAnswer: true satisfies SameAnswer<sdk.EmbeddingsAnswer, protocol.EmbeddingsAnswer>,
  moderationsRequest: true satisfies Accepts<sdk.ModerationsRequest, protocol.ModerationsRequest>,
  moderationsRequestFields: true satisfies SameKeys<sdk.ModerationsRequest, protocol.ModerationsRequest>,
  moderationsAnswer: true satisfies SameAnswer<sdk.ModerationsAnswer, protocol.ModerationsAnswer>,
  summaryRequest: true satisfies Accepts<sdk.SummaryRequest, protocol.SummaryRequest>,
  summaryRequestFields: true satisfies SameKeys<sdk.SummaryRequest, protocol.SummaryRequest>,
  summaryAnswer: true satisfies SameAnswer<sdk.SummaryAnswer, protocol.SummaryAnswer>,
  iabRequest: true satisfies Accepts<sdk.IabRequest, protocol.IabRequest>,
  iabRequestFields: true satisfies SameKeys<sdk.IabRequest, protocol.IabRequest>,
  iabAnswer: true satisfies SameAnswer<sdk.IabAnswer, protocol.IabAnswer>,
  glinerRequest: true satisfies Accepts<sdk.GlinerRequest, protocol.GlinerRequest>,
  glinerRequestFields: true satisfies SameKeys<sdk.GlinerRequest, protocol.GlinerRequest>,
  glinerAnswer: true satisfies SameAnswer<sdk.GlinerAnswer, protocol.GlinerAnswer>,
  modelEntry: true satisfies SameAnswer<sdk.ModelEntry, protocol.ModelEntry>,
  modelList: true satisfies SameAnswer<sdk.ModelList, protocol.ModelList>,
  fileObject: true satisfies SameAnswer<sdk.FileObject, protocol.FileObject>,
  fileList: true satisfies SameAnswer<sdk.FileList, protocol.FileList>,
  fileDeleted: true satisfies SameAnswer<sdk.FileDeleted, protocol.FileDeleted>,
  batch: true satisfies SameAnswer<sdk.Batch, protocol.BatchObject>,
  batchList: true satisfies SameAnswer<sdk.BatchList, protocol.BatchList>,
  lineErrorCodes: true satisfies Same<sdk.BatchLineErrorCode, protocol.LineErrorCode>,
  lineError: true satisfies Same<sdk.BatchErrorLine['error'], protocol.LineError>,
  health: true satisfies SameAnswer<sdk.Health, protocol.Health>,
  errorCodes: true satisfies Accepts<keyof typeof STATUS_OF_CODE, protocol.ErrorCode>,
};

test('every code of the error table has its status here', () => {
  expect(Object.values(checks).every(Boolean)).toBe(true);
  for (const status of Object.values(STATUS_OF_CODE)) expect(status).toBeGreaterThanOrEqual(400);
});
