/** The join token on its way from the link to the gateway. It is kept until this device is known there, and no longer. */

import { keptInTab } from './kept.ts';

/** Survives a reload before that, and ends with the tab. */
const KEY = 'zerogpu-join-token';
const LONGEST = 128;

/** What the link brought, taken out of the address bar and the history at once; empty when it brought none. */
export function tokenOfAddress(): string {
  const token = tokenIn(location.search) || tokenIn(location.hash);
  if (location.search !== '' || location.hash !== '') history.replaceState(null, '', location.pathname);
  // Another link, pasted over this page, changes only what is behind `#`.
  addEventListener('hashchange', () => location.reload());
  return token;
}

export function keepToken(token: string): void {
  keptInTab.set(KEY, token.slice(0, LONGEST));
}

export function keptToken(): string | null {
  return keptInTab.get(KEY);
}

export function forgetToken(): void {
  keptInTab.remove(KEY);
}

function tokenIn(query: string): string {
  return new URLSearchParams(query.replace(/^[?#]/, '')).get('token')?.trim() ?? '';
}
