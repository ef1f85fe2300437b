import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultSettings, readSettings, roundedPlace } from './settings.ts';

const CHOSEN = {
  serving: true,
  name: 'kitchen',
  cpuShare: 0.3,
  memoryMb: 128,
  storageMb: 64,
  refusedModels: ['zlm-v1-pii-edge'],
  keepAwake: true,
  place: { latitude: 52.5, longitude: 13.4 },
};

test('what was chosen is read again', () => {
  expect(readSettings(JSON.stringify(CHOSEN), 'default')).toEqual(CHOSEN);
});

test.each([null, '', 'nonsense', '[]', '1', 'null', '{"name":"  "}'])('%j gives the defaults', (text) => {
  expect(readSettings(text, 'Chrome')).toEqual(defaultSettings('Chrome'));
});

test.each([
  ['cpuShare', 0, 1],
  ['cpuShare', 1.1, 1],
  ['memoryMb', 100, 512],
  ['storageMb', '64', 128],
  ['refusedModels', [1, 'a', null], ['a']],
  ['place', { latitude: 91, longitude: 0 }, null],
  ['place', { latitude: 1 }, null],
])('a wrong %s of %j is %j', (field, value, expected) => {
  const text = JSON.stringify({ ...CHOSEN, [field]: value });
  expect(readSettings(text, 'x')).toEqual({ ...CHOSEN, [field]: expected });
});

test('anything at all gives settings that are read as they are', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const settings = readSettings(text, 'x');
      expect(readSettings(JSON.stringify(settings), 'x')).toEqual(settings);
    }),
  );
});

test('a place is rounded to some ten kilometres', () => {
  expect(roundedPlace(52.51627, 13.37771)).toEqual({ latitude: 52.5, longitude: 13.4 });
});
