/** The TypeScript client of a ZeroGPU server, for Node 18 and later and for browsers. */

export type * as Admin from './admin.generated.ts';
export { type AdminClientOptions, ZeroGPUAdmin } from './admin.ts';
export type { AdminOptions, Listing } from './admin-calls.ts';
export type { BatchQuery, WaitOptions } from './batches.ts';
export {
  type FloatEmbeddings,
  outputText,
  type Streamed,
  type TextResponse,
  type Whole,
  ZeroGPU,
} from './client.ts';
export {
  AbortedError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  ConnectionError,
  ContextLengthExceededError,
  type ErrorFields,
  InsufficientQuotaError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  RequestTooLargeError,
  ServiceUnavailableError,
  TimeoutError,
  UnsupportedMediaTypeError,
  ZeroGPUError,
} from './errors.ts';
export type { FileQuery, NewFile } from './files.ts';
export type { CursorListing } from './listing.ts';
export type { CallOptions, ClientOptions, Fetch } from './options.ts';
export type { EventStream, Tail } from './stream.ts';
export type { TextStream } from './text-stream.ts';
export type { WithRequestId } from './transport.ts';
export type * from './types.ts';
export type { FileSource } from './upload.ts';
