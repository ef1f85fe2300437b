/**
 * Where a webhook may go. Its url is written by a customer and called from inside the operator's network, so it must
 * not lead back into it.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

/** IANA's special-purpose registries, and what clouds keep for themselves. Everything else is the public internet. */
const CLOSED_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Also where most clouds answer with a machine's credentials.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Azure's own address of each machine's host, public by its number.
  ['168.63.129.16', 32],
];
/** The other way round: of IPv6 only 2000::/3 is the public internet, and within it not these. */
const OPEN_V6 = ['2000::', 3] as const;
const CLOSED_V6: readonly (readonly [string, number])[] = [
  // Teredo, benchmarks, ORCHID and their like: some carry an IPv4 address inside.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4: an IPv4 address inside.
  ['2002::', 16],
  ['3fff::', 20],
];

const closed = new BlockList();
for (const [network, bits] of CLOSED_V4) closed.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of CLOSED_V6) closed.addSubnet(network, bits, 'ipv6');
const open = new BlockList();
open.addSubnet(...OPEN_V6, 'ipv6');

/** True for an address of the public internet. Whatever is no address is not. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !closed.check(address, 'ipv4');
  // A zone (`fe80::1%eth0`) belongs to addresses that are not public, and BlockList does not read it.
  if (!isIPv6(address) || address.includes('%')) return false;
  return open.check(address, 'ipv6') && !closed.check(address, 'ipv6');
}

/** Below 1024 live mail, directory and other servers that a POST could confuse. */
const OPEN_LOW_PORTS = ['', '80', '443'];

/**
 * Why a webhook may not have this url, as far as its text tells; null when it may. Names are looked up when something
 * is sent: what they lead to may change.
 */
export function wrongUrl(text: string, privateAllowed: boolean): string | null {
  if (!URL.canParse(text)) return 'url must be an address such as https://example.com/hooks';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'url must begin with http:// or https://';
  if (url.username !== '' || url.password !== '') return 'url must not carry a user or a password';
  if (url.hash !== '') return 'url must not have a fragment (#)';
  if (privateAllowed) return null;
  if (!OPEN_LOW_PORTS.includes(url.port) && Number(url.port) < 1024) {
    return `url must not use port ${url.port}: of those below 1024 only 80 and 443`;
  }
  const host = hostOf(url);
  const literal = isIP(host) !== 0;
  if ((literal && !isPublicAddress(host)) || /^(.+\.)?localhost\.?$/.test(host)) {
    return `url must lead to the public internet, which ${host} is not part of`;
  }
  return null;
}

/** Without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
