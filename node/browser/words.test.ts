import { expect, test } from 'vitest';
import { choice, count, deviceName, megabytes, modelName, runTime, seconds } from './words.ts';

test('bytes', () => {
  const sizes = [0, 180, 200_232, 1_456_360, 15_813_124, 2 ** 30];
  expect(sizes.map(megabytes)).toEqual(['0 MB', 'under 0.1 MB', '0.2 MB', '1.4 MB', '15 MB', '1024 MB']);
});

test('counts take five characters at most', () => {
  const counts = [0, 9_999, 10_000, 99_999, 123_456, 999_999, 1_234_567];
  expect(counts.map(count)).toEqual(['0', '9999', '10k', '99.9k', '123k', '999k', '1.2M']);
});

test('seconds, choices, models', () => {
  expect([0, 1_000, 1_001].map(seconds)).toEqual(['1 second', '1 second', '2 seconds']);
  expect([512, 1024].map(choice)).toEqual(['512 MB', '1 GB']);
  expect(modelName('zlm-v1-iab-classify-edge')).toBe('IAB classify edge');
  expect(modelName('zlm-v1-summary-cloud')).toBe('Summary cloud');
  const times = [0, 1, 30].map((ms) => runTime({ baseMs: ms, perThousandMs: ms }));
  expect(times).toEqual(['under 0.1 ms', '1.4 ms', '42 ms']);
});

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36', 'Chrome on Linux'],
  [
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36',
    'Chrome on Android',
  ],
  ['Mozilla/5.0 (Windows NT 10.0) Chrome/141.0 Safari/537.36 Edg/141.0', 'Edge on Windows'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/141.0 Safari/604.1', 'Chrome on iPhone'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18.0 Safari/605.1', 'Safari on macOS'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
  ['', 'Browser'],
])('%s is %s', (userAgent, name) => {
  expect(deviceName(userAgent)).toBe(name);
});
