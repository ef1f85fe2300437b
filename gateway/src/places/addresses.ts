/** Places of addresses, from a database that the operator has. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isRecord, type Place } from '@zerogpu/protocol';
import { Reader, type Response } from 'mmdb-lib';
import { ConfigError } from '../config.ts';
import type { Somewhere } from './time-zone.ts';

export type FindAddress = (address: string) => Somewhere | null;

/**
 * Reads a MaxMind database (.mmdb) whole into memory: one of cities has about 60 MB, one of countries 10.
 * @throws ConfigError when it cannot
 */
export function openAddresses(path: string): FindAddress {
  const reader = open(path);
  return (address) => {
    const plain = address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
    if (isIP(plain) === 0) return null;
    return find(reader, plain);
  };
}

function open(path: string): Reader<Response> {
  try {
    return new Reader<Response>(readFileSync(path));
  } catch (error) {
    const why =
      isRecord(error) && error['code'] === 'ENOENT' ? 'it is not there' : 'it is no MaxMind database';
    throw new ConfigError(`GEOIP_DB cannot be read from "${path}": ${why}`);
  }
}

/** A database that is broken in places knows nothing there. */
function find(reader: Reader<Response>, address: string): Somewhere | null {
  try {
    const found: unknown = reader.get(address);
    if (!isRecord(found)) return null;
    return { place: placeIn(found['location']), region: countryIn(found['country']) };
  } catch {
    return null;
  }
}

function placeIn(location: unknown): Place | null {
  if (!isRecord(location)) return null;
  return placeOf(location['latitude'], location['longitude']);
}

function countryIn(country: unknown): string | null {
  return isRecord(country) ? regionOf(country['iso_code']) : null;
}

/** Null when it is no place on the globe. */
export function placeOf(latitude: unknown, longitude: unknown): Place | null {
  const isOne = (value: unknown, most: number): value is number =>
    typeof value === 'number' && Math.abs(value) <= most;
  return isOne(latitude, 90) && isOne(longitude, 180) ? { latitude, longitude } : null;
}

/** Two letters; null for all else, and for XX and T1, which Cloudflare says of addresses that are nowhere. */
export function regionOf(text: unknown): string | null {
  const isOne = typeof text === 'string' && /^[A-Za-z]{2}$/.test(text) && text.toUpperCase() !== 'XX';
  return isOne ? text.toUpperCase() : null;
}
