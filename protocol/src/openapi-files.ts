/** What the OpenAPI document says of files. */
import type { ErrorCode } from './errors.ts';
import { EXAMPLE_ID } from './openapi-parts.ts';
import type { ApiRoute } from './openapi-routes.ts';
import type { JsonObject } from './openapi-schemas.ts';

const CREATED = 1_796_000_000;
const DAY_S = 86_400;

const ID = `file-${EXAMPLE_ID}`;

const FILE: JsonObject = {
  id: ID,
  object: 'file',
  bytes: 4_096,
  created_at: CREATED,
  filename: 'reviews.jsonl',
  purpose: 'batch',
  status: 'processed',
  expires_at: CREATED + 30 * DAY_S,
};

const UPLOAD: Omit<ApiRoute, 'errors'> = {
  method: 'post',
  path: '/v1/files',
  operationId: 'createFile',
  tag: 'files',
  summary: 'Upload the input of a batch',
  description:
    'A form with `file` and `purpose`, in any order; the file is stored while it comes. It is not looked into before a ' +
    'batch is made of it. Without a name it is called `<id>.jsonl`. It goes after 30 days, or sooner with `expires_after`.',
  key: true,
  request: {
    contentType: 'multipart/form-data',
    schema: 'FileUpload',
    examples: {
      file: {
        summary: 'A file of one line',
        value: {
          file: '{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{}}\n',
          purpose: 'batch',
        },
      },
    },
  },
  answer: {
    description: 'The file',
    contentType: 'application/json',
    schema: 'File',
    example: FILE,
  },
};

const LIST: Omit<ApiRoute, 'errors'> = {
  method: 'get',
  path: '/v1/files',
  operationId: 'listOwnFiles',
  tag: 'files',
  summary: 'List the files of the project',
  key: true,
  parameters: ['FilePurpose', 'FileOrder', 'FileLimit', 'FileAfter'],
  answer: {
    description: 'A page of files; the next one goes on `after` its `last_id`',
    contentType: 'application/json',
    schema: 'FileList',
    example: { object: 'list', data: [FILE], first_id: ID, last_id: ID, has_more: false },
  },
};

const GET: Omit<ApiRoute, 'errors'> = {
  method: 'get',
  path: '/v1/files/{file_id}',
  operationId: 'getOwnFile',
  tag: 'files',
  summary: 'One file',
  key: true,
  parameters: ['FileId'],
  answer: { description: 'The file', contentType: 'application/json', schema: 'File', example: FILE },
};

const CONTENT: Omit<ApiRoute, 'errors'> = {
  method: 'get',
  path: '/v1/files/{file_id}/content',
  operationId: 'getOwnFileContent',
  tag: 'files',
  summary: 'The bytes of a file',
  description:
    'As they were stored: checked against their checksums before they are sent. An answer that breaks off is not whole.',
  key: true,
  parameters: ['FileId', 'Range'],
  answer: {
    description: 'The bytes, with `content-length`',
    contentType: 'application/jsonl',
    others: { '206': 'The range that was asked for, with `content-range`' },
  },
};

const DELETE: Omit<ApiRoute, 'errors'> = {
  method: 'delete',
  path: '/v1/files/{file_id}',
  operationId: 'deleteOwnFile',
  tag: 'files',
  summary: 'Delete a file',
  description: 'At once and for good; a batch that reads it goes on.',
  key: true,
  parameters: ['FileId'],
  answer: {
    description: 'It is gone',
    contentType: 'application/json',
    schema: 'FileDeleted',
    example: { id: ID, object: 'file', deleted: true },
  },
};

/** @param keyed what any route with a key may answer */
export function fileRoutes(keyed: readonly ErrorCode[]): readonly ApiRoute[] {
  const one: readonly ErrorCode[] = [...keyed, 'file_not_found', 'no_capacity'];
  return [
    {
      ...UPLOAD,
      errors: [
        'invalid_content_type',
        'invalid_multipart',
        'invalid_purpose',
        'missing_file',
        'empty_file',
        'invalid_value',
        'missing_required_parameter',
        ...keyed,
        'request_timeout',
        'idempotency_conflict',
        'file_too_large',
        'rate_limit_exceeded',
        'storage_error',
        'no_capacity',
        'upstream_timeout',
      ],
    },
    { ...LIST, errors: ['invalid_limit', 'invalid_purpose', 'invalid_value', ...keyed, 'no_capacity'] },
    { ...GET, errors: one },
    { ...CONTENT, errors: [...one, 'range_not_satisfiable', 'rate_limit_exceeded', 'storage_error'] },
    { ...DELETE, errors: one },
  ];
}
