import { expect, it } from 'vitest';
import { StorageError } from '../../storage/object-storage.ts';
import { TellFailures } from './tell-failures.ts';

it('tells each reason once in five minutes, and that batches end again', () => {
  const told: string[] = [];
  const say = (_fields: object, message: string) => void told.push(message);
  const failures = new TellFailures({ info: say, warn: say, error: say });
  const errors = [
    new StorageError('full', 'no space'),
    new StorageError('unavailable', 'refused'),
    Object.assign(new Error('Connection terminated'), { code: '57P01' }),
    new Error('a defect'),
  ];
  failures.wentOn();
  for (let second = 0; second < 600; second++)
    for (const error of errors) failures.tell('batch_a', error, second * 1000);
  expect(told).toHaveLength(8);
  expect(new Set(told).size).toBe(4);
  failures.wentOn();
  failures.wentOn();
  expect(told.slice(8)).toEqual(['Batches end again']);
  failures.tell('batch_a', errors[0], 599_000);
  expect(told).toHaveLength(9);
  failures.tell('batch_a', errors[0], 600_000);
  expect(told[9]).toContain('the storage is full');
});

it('quotes no more of an error than fits a line', () => {
  const fields: object[] = [];
  const say = (some: object) => void fields.push(some);
  new TellFailures({ info: say, warn: say, error: say }).tell(null, new Error('x'.repeat(10_000)), 0);
  expect(JSON.stringify(fields).length).toBeLessThan(300);
});
