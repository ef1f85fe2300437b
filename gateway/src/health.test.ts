import { Value } from '@sinclair/typebox/value';
import { Health } from '@zerogpu/protocol';
import { describe, expect, test } from 'vitest';
import { checkHealth, type HealthServices } from './health.ts';

const well: HealthServices = {
  databaseAnswers: async () => true,
  settling: () => true,
  nodes: () => 1,
  upstreams: () => 1,
};
const down: Partial<HealthServices> = { databaseAnswers: async () => false };

describe('checkHealth', () => {
  test.each([
    ['all is well', {}, 'ok', []],
    ['no node, but an upstream', { nodes: () => 0 }, 'degraded', ['deviceRegistry']],
    ['settlements wait', { settling: () => false }, 'degraded', ['worker']],
    [
      'nothing can serve',
      { nodes: () => 0, upstreams: () => 0 },
      'down',
      ['deviceRegistry', 'cloudInference'],
    ],
    ['the database is away', down, 'down', ['database', 'keys']],
  ])('%s', async (_what, changes, status, parts) => {
    const health = await checkHealth({ ...well, ...changes });
    expect(health.status).toBe(status);
    const ill = Object.entries(health.components).filter(([, part]) => part.status !== 'ok');
    expect(ill.map(([name]) => name).sort()).toEqual([...parts].sort());
    expect(ill.every(([, part]) => part.error !== null)).toBe(true);
    expect(Value.Check(Health, health)).toBe(true);
  });
});
