/** Where nodes, callers and this gateway are, as far as anything tells. */
import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Hello, Place, PlaceSource } from '@zerogpu/protocol';
import type { FindAddress } from './addresses.ts';
import { placeInHeaders } from './caller-headers.ts';
import { placeOfTimeZone, type Somewhere } from './time-zone.ts';

export interface Whereabouts extends Somewhere {
  /** What told the place; null when nothing did. */
  readonly source: PlaceSource | null;
}

export interface PlacesServices {
  /** The gateway's own place as the operator gave it. */
  readonly given: Place | null;
  /** The gateway's own time zone. */
  readonly timeZone: string;
  /** Null without a database of addresses. */
  readonly findAddress: FindAddress | null;
  /** Addresses and networks of proxies whose headers are believed. */
  readonly trustedProxies: readonly string[];
}

/**
 * Farther from the gateway than this a caller's place does not count: what runs here goes through the gateway and back to it,
 * so that a node is near when it is near the gateway. Within it both are about as far from any node.
 */
const NEAR_DEGREES = 10;

export class Places {
  /** Of this gateway; null when nothing tells. */
  readonly home: Place | null;
  readonly #findAddress: FindAddress;
  readonly #trusted: BlockList;

  constructor({ given, timeZone, findAddress, trustedProxies }: PlacesServices) {
    this.home = given ?? placeOfTimeZone(timeZone)?.place ?? null;
    this.#findAddress = findAddress ?? (() => null);
    this.#trusted = blockList(trustedProxies);
  }

  /**
   * As its owner says, else as the device says, else by its address, else by its time zone. What tells the place tells the
   * country too, if it can; of a device that says where it is, address or time zone tell the country.
   * @param address of its socket, empty when it is not known
   * @param given by people in the admin API
   */
  ofNode(
    { capabilities }: Pick<Hello, 'capabilities'>,
    address: string,
    given: Somewhere | null,
  ): Whereabouts {
    const byAddress = this.#findAddress(address);
    const byTimeZone = placeOfTimeZone(capabilities.timeZone);
    const region = given?.region ?? byAddress?.region ?? byTimeZone?.region ?? null;
    const told: [Place | null | undefined, PlaceSource][] = [
      [given?.place, 'given'],
      [capabilities.place, 'device'],
      [byAddress?.place, 'address'],
      [byTimeZone?.place, 'time_zone'],
    ];
    for (const [place, source] of told) if (place) return { place, region, source };
    return { place: null, region, source: null };
  }

  /**
   * From where nearness counts for a call; null when neither the caller's place nor the gateway's own is known.
   * @param address of the other end of the socket; null when it is not known
   */
  ofCall(headers: IncomingHttpHeaders, address: string | null): Place | null {
    const caller = this.ofCaller(headers, address);
    if (caller === null || this.home === null) return caller ?? this.home;
    return isNear(caller, this.home) ? caller : this.home;
  }

  /** As a trusted proxy says, else by address. */
  ofCaller(headers: IncomingHttpHeaders, address: string | null): Place | null {
    const isProxied = address !== null && this.#isTrusted(address);
    const told = isProxied ? placeInHeaders(headers) : null;
    if (told !== null) return told;
    const from = isProxied ? this.#forwarded(headers['x-forwarded-for']) : address;
    return from === null ? null : (this.#findAddress(from)?.place ?? null);
  }

  /** The last that is no proxy of ours: what stands before it anybody may have written. */
  #forwarded(header: string | string[] | undefined): string | null {
    const hops = String(header ?? '').split(',');
    return hops.map((hop) => hop.trim()).findLast((hop) => isIP(hop) !== 0 && !this.#isTrusted(hop)) ?? null;
  }

  #isTrusted(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** On the globe, not on the map: a degree of longitude is less, the farther from the equator. */
function isNear(a: Place, b: Place): boolean {
  const east = Math.abs(a.longitude - b.longitude);
  const turn = Math.min(east, 360 - east) * Math.cos((((a.latitude + b.latitude) / 2) * Math.PI) / 180);
  return Math.hypot(a.latitude - b.latitude, turn) <= NEAR_DEGREES;
}
