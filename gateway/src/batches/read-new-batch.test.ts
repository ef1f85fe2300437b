import { ApiError } from '@zerogpu/protocol';
import { describe, expect, it } from 'vitest';
import { readNewBatch } from './read-new-batch.ts';

const BODY = { input_file_id: 'file-1', endpoint: '/v1/chat/completions', completion_window: '24h' };

function faultOf(changes: object) {
  try {
    return readNewBatch({ ...BODY, ...changes });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [error.row.status, error.code, error.message, error.param];
  }
}

describe('readNewBatch', () => {
  it('takes what a client sends, and leaves what it does not know', () => {
    const metadata = { name: 'nul \0', ['k'.repeat(64)]: 'v'.repeat(512) };
    expect(readNewBatch({ ...BODY, metadata, output_expires_after: { anchor: 'created_at' } })).toEqual({
      inputFileId: 'file-1',
      endpoint: '/v1/chat/completions',
      metadata,
    });
    expect(readNewBatch(BODY).metadata).toEqual({});
    expect(readNewBatch({ ...BODY, metadata: null }).metadata).toEqual({});
  });

  const missing = 'missing_required_parameter';
  it.each<[object, string, string, string]>([
    [
      { input_file_id: undefined, endpoint: undefined },
      missing,
      'input_file_id is required',
      'input_file_id',
    ],
    [{ input_file_id: '' }, missing, 'input_file_id is required', 'input_file_id'],
    [{ input_file_id: null }, missing, 'input_file_id is required', 'input_file_id'],
    [{ input_file_id: 7 }, 'invalid_type', 'input_file_id must be a string', 'input_file_id'],
    [{ endpoint: undefined, completion_window: '1h' }, missing, 'endpoint is required', 'endpoint'],
    [
      { endpoint: '/v1/\0' },
      'invalid_value',
      'endpoint must be an address such as /v1/chat/completions',
      'endpoint',
    ],
    [{ completion_window: undefined }, missing, 'completion_window must be "24h"', 'completion_window'],
    [
      { completion_window: '1h', metadata: 1 },
      'invalid_value',
      'completion_window must be "24h"',
      'completion_window',
    ],
    [{ completion_window: 24 }, 'invalid_value', 'completion_window must be "24h"', 'completion_window'],
    [{ metadata: [] }, 'invalid_type', 'metadata must be an object', 'metadata'],
    [{ metadata: { a: 1 } }, 'invalid_type', 'metadata.a must be a string', 'metadata.a'],
    [
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, ''])) },
      'invalid_value',
      'metadata must have at most 16 keys',
      'metadata',
    ],
    [
      { metadata: { ['k'.repeat(65)]: '' } },
      'invalid_value',
      `metadata.${'k'.repeat(65)} must have a key of at most 64 characters`,
      `metadata.${'k'.repeat(65)}`,
    ],
    [
      { metadata: { a: 'v'.repeat(513) } },
      'invalid_value',
      'metadata.a must be a string of at most 512 characters',
      'metadata.a',
    ],
  ])('refuses %j', (changes, code, message, param) => {
    expect(faultOf(changes)).toEqual([400, code, message, param]);
  });
});
