import { API_KEY_PREFIX, makeSecret, SESSION_PREFIX } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionCookie, tokenOf } from './session-token.ts';

const token = makeSecret(SESSION_PREFIX);
const other = makeSecret(SESSION_PREFIX);

describe('tokenOf', () => {
  it('finds the token in authorization, else in the cookie of this kind of address', () => {
    expect(tokenOf({ authorization: `Bearer ${token}` }, false)).toBe(token);
    expect(tokenOf({ authorization: `bearer  ${token}` }, true)).toBe(token);
    expect(tokenOf({ cookie: `a=b; zerogpu_session=${token}; c=d` }, false)).toBe(token);
    expect(tokenOf({ cookie: `zerogpu_session=${token}` }, true)).toBeNull();
    expect(tokenOf({ cookie: `__Host-zerogpu_session=${token}` }, true)).toBe(token);
    expect(tokenOf({ cookie: `__Host-zerogpu_session=${token}` }, false)).toBeNull();
    const both = { authorization: `Bearer ${token}`, cookie: `zerogpu_session=${other}` };
    expect(tokenOf(both, false)).toBe(token);
  });

  it('takes nothing that is not well formed, without a look at the database', () => {
    const key = makeSecret(API_KEY_PREFIX);
    const typo = token.slice(0, -1) + (token.endsWith('a') ? 'b' : 'a');
    for (const text of [key, typo, '', `${token}x`]) {
      expect(tokenOf({ authorization: `Bearer ${text}` }, false)).toBeNull();
    }
    fc.assert(
      fc.property(fc.string(), (text) => tokenOf({ cookie: text, authorization: text }, false) === null),
    );
  });

  it('reads back the cookie that it sets', () => {
    for (const secure of [false, true]) {
      const cookie = sessionCookie(token, new Date(0), secure);
      expect(tokenOf({ cookie: cookie.split(';')[0] }, secure)).toBe(token);
      expect(cookie.includes('; Secure')).toBe(secure);
      expect(cookie).toContain('; HttpOnly; SameSite=Lax');
    }
  });
});
