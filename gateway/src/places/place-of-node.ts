import type { Hello, Place } from '@zerogpu/protocol';

/** What says where somebody is, the surest first. */
export type PlaceSource = 'given' | 'device' | 'address' | 'time_zone' | 'gateway';

export interface Whereabouts {
  /** Null when nothing tells. */
  readonly place: Place | null;
  /** ISO 3166-1 country code, upper case; null when nothing tells. */
  readonly region: string | null;
  /** What told the place; null when nothing did. */
  readonly source: PlaceSource | null;
}

/** What a node's owner said of where it is. */
export interface GivenPlace {
  readonly place: Place | null;
  readonly region: string | null;
}

/**
 * Where a node is: as its owner says, else as the device says, else by its address, else by its time zone.
 * @param address of its socket, as far as trusted proxies tell it; null when nothing does
 */
export type PlaceOfNode = (
  hello: Pick<Hello, 'capabilities'>,
  address: string | null,
  given: GivenPlace | null,
) => Whereabouts;
