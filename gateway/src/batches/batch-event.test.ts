import { BATCH_STATUSES, EVENT_KINDS } from '@zerogpu/protocol';
import { describe, expect, it } from 'vitest';
import { TERMINAL } from './batch.ts';
import { batchEvent, type EndedBatch } from './batch-event.ts';

const ORGANIZATION = '00000000-0000-4000-8000-000000000001';

const batch = (changes: Partial<EndedBatch> = {}): EndedBatch => ({
  id: 'batch_01',
  project_id: '00000000-0000-4000-8000-000000000002',
  endpoint: '/v1/chat/completions',
  status: 'completed',
  errors: null,
  input_file_id: 'file-in',
  output_file_id: 'file-out',
  error_file_id: 'file-err',
  total: 5,
  completed: 3,
  failed: 2,
  ...changes,
});

describe('batchEvent', () => {
  it('tells of an end what leads to its results', () => {
    expect(batchEvent(batch(), ORGANIZATION)).toEqual({
      organizationId: ORGANIZATION,
      projectId: batch().project_id,
      kind: 'batch.completed',
      severity: 'info',
      title: 'A batch has ended: 3 of 5 lines answered, 2 failed',
      details: {
        batch_id: 'batch_01',
        project_id: batch().project_id,
        endpoint: '/v1/chat/completions',
        status: 'completed',
        input_file_id: 'file-in',
        output_file_id: 'file-out',
        error_file_id: 'file-err',
        request_counts: { total: 5, completed: 3, failed: 2 },
      },
    });
  });

  it('tells of a fault its code and line, and nothing that the file says', () => {
    const errors = JSON.stringify([
      {
        code: 'invalid_value',
        message: 'Line 7 duplicates custom_id "a secret"',
        line: 7,
        param: 'custom_id',
      },
    ]);
    const event = batchEvent(
      batch({ status: 'failed', errors, total: 0, completed: 0, failed: 0 }),
      ORGANIZATION,
    );
    expect(event).toMatchObject({ kind: 'batch.failed', severity: 'warning' });
    expect(event.details).toMatchObject({ fault: { code: 'invalid_value', line: 7 } });
    expect(JSON.stringify(event)).not.toContain('secret');
  });

  it('knows every ending and no other status', () => {
    for (const status of BATCH_STATUSES) {
      const told = () => batchEvent(batch({ status }), ORGANIZATION);
      if (TERMINAL.has(status)) expect(EVENT_KINDS).toContain(told().kind);
      else expect(told).toThrow(`A batch that is ${status} has not ended`);
    }
  });
});
