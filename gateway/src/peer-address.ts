import { BlockList, isIP } from 'node:net';

/** More addresses than any chain of proxies has; what stands before them is not looked at. */
const MOST_HOPS = 32;

/** Tells whose a connection is: the address of its other end, or behind proxies that are trusted, of whom they name. */
export type PeerAddress = (remote: string | undefined, forwardedFor: string | undefined) => string;

/**
 * As `x-forwarded-for` is read for requests: from its end, as long as the one who wrote an address is trusted.
 * @param trusted addresses and networks, such as `10.0.0.0/8`
 */
export function peerAddresses(trusted: readonly string[]): PeerAddress {
  const list = new BlockList();
  for (const network of trusted) {
    const [address = '', bits] = network.split('/');
    const family = familyOf(address);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (remote = '', forwardedFor = '') => {
    const named = forwardedFor.split(',').slice(-MOST_HOPS);
    let address = plain(remote);
    while (isIP(address) !== 0 && list.check(address, familyOf(address))) {
      const before = plain(named.pop()?.trim() ?? '');
      if (isIP(before) === 0) return address;
      address = before;
    }
    return address;
  };
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** A socket of both families shows an IPv4 address as `::ffff:10.0.0.7`. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address;
}
