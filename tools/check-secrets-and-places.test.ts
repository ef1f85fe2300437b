import { expect, it } from 'vitest';
import { checkPlaces } from './check-secrets-and-places.ts';

// Put together here, so that this file itself passes.
const key = `zgpu-api-${'a1'.repeat(19)}`;
const pem = ['-----BEGIN', 'PRIVATE KEY-----'].join(' ');

it.each([
  `const home = '/${'work'}/main/x';`,
  `cd /${'home'}/alice/zerogpu`,
  `open /${'root'}/.ssh`,
  `cat /${'tmp'}/brief`,
  `https://${'registry'}.npmjs.org/ws`,
  `"resolved": "https:${'//'}example.org/ws.tgz"`,
  `ZEROGPU_API_KEY=${key}`,
  pem,
  `AKIA${'A1B2'.repeat(4)}`,
])('refuses %s', (line) => {
  const findings = checkPlaces('README.md', `\n${line}`);
  expect(findings).toHaveLength(1);
  expect(findings[0]?.line).toBe(2);
  expect(findings[0]?.message).not.toContain(key);
});

it.each([
  '"resolved": "catalogue"',
  'zgpu-api-<random>',
  'a/work/b',
  './tmp/x',
  'https://example.org/work/x',
  '~/work/x',
  'AKIAIOSFODNN7EXAMPLE',
])('allows %s', (line) => {
  expect(checkPlaces('README.md', line)).toEqual([]);
});

it('lets tests make keys of their own', () => {
  expect(checkPlaces('gateway/src/auth/keys.test.ts', key)).toEqual([]);
});
