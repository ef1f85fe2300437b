/** The one who looks for secrets finds them: a search that cannot fail would say nothing. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Witness } from './support/secrets.ts';

const SECRET = 'zgpu-api-EXAMPLEsecret"0/1';

const forms: readonly [string, (secret: string) => string][] = [
  ['as it is', (secret) => `before ${secret} after`],
  ['in JSON', (secret) => JSON.stringify({ a: [secret] })],
  ['in JSON in JSON', (secret) => JSON.stringify({ a: secret.replaceAll('"', '') + secret })],
  ['in an address', (secret) => `/v1/models?key=${encodeURIComponent(secret)}`],
  ['as a database prints bytes', (secret) => `(1,"\\x${Buffer.from(secret).toString('hex')}")`],
  ['in base64', (secret) => Buffer.from(secret).toString('base64')],
  ['in basic authorization', (secret) => Buffer.from(`user:${secret}`).toString('base64')],
  ['in base64url', (secret) => Buffer.from(`{"a":"${secret}"}`).toString('base64url')],
];

test.for(forms)('a secret %s', ([, write]) => {
  const witness = new Witness();
  witness.plant('key', SECRET);
  witness.saw('a clean place', 'nothing here');
  witness.saw('a place', write(SECRET));
  const leaks = witness.leaks();
  expect(leaks).toMatchObject([{ kind: 'key', place: 'a place' }]);
  expect(leaks[0]?.around).not.toContain(SECRET);
});

test('in base64 among anything', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), (before, after) => {
      const witness = new Witness();
      witness.plant('key', SECRET);
      witness.saw('a place', Buffer.concat([before, Buffer.from(SECRET), after]).toString('base64'));
      expect(witness.leaks().length).toBe(1);
    }),
  );
});

test('where it may stand it is no leak, elsewhere it is', () => {
  const witness = new Witness();
  witness.plant('key', SECRET, (place) => place === 'the answer to who made it');
  witness.saw('the answer to who made it', SECRET);
  expect(witness.leaks()).toEqual([]);
  witness.saw('a log', SECRET);
  expect(witness.leaks().map(({ place }) => place)).toEqual(['a log']);
});

test('a secret that would be found by accident is not planted', () => {
  expect(() => new Witness().plant('code', '737')).toThrow('too short');
});
