import { NODE_CONNECT_PATH } from '@zerogpu/protocol';
import { CommandError } from './command-error.ts';

/** A gateway as its owner names it. */
export interface GatewayAddress {
  /** Where it answers HTTP, such as `http://10.0.0.7:8080`, without a slash at its end. */
  readonly url: string;
  /** From the link to the page `/node`, whose address is taken too. */
  readonly token: string | null;
}

const FORMS = 'http://10.0.0.7:8080, https://ai.example.com or 10.0.0.7:8080';
/** What people may have copied: the page's address, the socket's. */
const OURS = ['/', '/node', '/node/', NODE_CONNECT_PATH];

/** @throws CommandError that says what an address looks like */
export function readAddress(text: string): GatewayAddress {
  const url = parse(text);
  if (url.username !== '' || url.password !== '') {
    throw new CommandError('An address holds no user and no password; the token stands after it');
  }
  if (!OURS.includes(url.pathname)) {
    throw new CommandError(`A gateway is at the root of its address: ${url.origin}, not "${text}"`);
  }
  return { url: url.origin, token: url.searchParams.get('token') };
}

function parse(text: string): URL {
  const wrong = new CommandError(`A gateway's address looks like ${FORMS}, not "${text}"`);
  const hasScheme = /^[a-z][\w+.-]*:\/\//i.test(text);
  const full = hasScheme ? text.replace(/^ws/i, 'http') : `http://${text}`;
  if (!URL.canParse(full)) throw wrong;
  const url = new URL(full);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrong;
  // A bare name could mean http at 80, https at 443 or our own port.
  if (!hasScheme && !/:\d+(?:\/|$)/.test(text)) {
    throw new CommandError(
      `Say with the address "${text}" how to reach it: https://${text}, or ${text}:8080`,
    );
  }
  return url;
}
