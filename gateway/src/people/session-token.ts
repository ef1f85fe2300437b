/** Where a session's token travels: in a cookie for browsers, in `authorization` for programs. */
import type { IncomingHttpHeaders } from 'node:http';
import { isWellFormedSecret, SESSION_PREFIX } from '@zerogpu/protocol';

/** `__Host-` binds a cookie to this very host, and browsers take it only over https. */
const nameOf = (secure: boolean) => (secure ? '__Host-zerogpu_session' : 'zerogpu_session');

/**
 * The token that a call carries; `authorization` wins over a cookie.
 * @param secure whether the public address is https
 * @returns null when there is none that could be one
 */
export function tokenOf(headers: IncomingHttpHeaders, secure: boolean): string | null {
  const token = bearerOf(headers.authorization ?? '') ?? cookieOf(headers.cookie ?? '', nameOf(secure));
  return token !== null && isWellFormedSecret(SESSION_PREFIX, token) ? token : null;
}

function bearerOf(authorization: string): string | null {
  return /^bearer /i.test(authorization) ? authorization.slice('bearer '.length).trim() : null;
}

function cookieOf(cookies: string, name: string): string | null {
  for (const cookie of cookies.split(';')) {
    const text = cookie.trim();
    if (text.startsWith(`${name}=`)) return text.slice(name.length + 1);
  }
  return null;
}

/**
 * `set-cookie` that gives a browser its session: out of reach of scripts, and not sent along by forms of other sites.
 * @param token empty takes the cookie away
 */
export function sessionCookie(token: string, expiresAt: Date, secure: boolean): string {
  const parts = [
    `${nameOf(secure)}=${token}`,
    'Path=/',
    `Expires=${expiresAt.toUTCString()}`,
    'HttpOnly',
    'SameSite=Lax',
  ];
  return [...parts, ...(secure ? ['Secure'] : [])].join('; ');
}
