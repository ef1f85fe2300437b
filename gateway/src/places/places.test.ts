import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Place } from '@zerogpu/protocol';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../config.ts';
import { type FindAddress, openAddresses } from './addresses.ts';
import { Places, type PlacesServices } from './places.ts';
import { placeOfTimeZone } from './time-zone.ts';

const LONDON = { latitude: 51.5, longitude: -0.12 };
const PARIS = { latitude: 48.87, longitude: 2.33 };
const SYDNEY = { latitude: -33.87, longitude: 151.22 };

const folder = mkdtempSync(path.join(tmpdir(), 'zerogpu-places-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A database as MaxMind's format has it, that knows one network of 16 bits: a chain of 16 nodes, and one record. */
function database(network: string, place: Place, country: string): Buffer {
  const bits = network
    .split('.')
    .slice(0, 2)
    .flatMap((part) => [...Number(part).toString(2).padStart(8, '0')]);
  const nothing = bits.length;
  const tree = bits.flatMap((bit, i) => {
    const onward = i === bits.length - 1 ? nothing + 16 : i + 1;
    const pair = bit === '0' ? [onward, nothing] : [nothing, onward];
    return pair.flatMap((value) => [value >> 16, (value >> 8) & 255, value & 255]);
  });
  const text = (value: string) => [0x40 + value.length, ...Buffer.from(value)];
  const map = (size: number) => 0xe0 + size;
  const double = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return [0x68, ...bytes];
  };
  const short = (value: number) => [0xa2, value >> 8, value & 255];
  const location = [
    map(2),
    ...text('latitude'),
    ...double(place.latitude),
    ...text('longitude'),
    ...double(place.longitude),
  ];
  const data = [
    map(2),
    ...text('country'),
    map(1),
    ...text('iso_code'),
    ...text(country),
    ...text('location'),
    ...location,
  ];
  const metadata = [
    map(4),
    ...text('node_count'),
    ...short(bits.length),
    ...text('record_size'),
    ...short(24),
    ...text('ip_version'),
    ...short(4),
    ...text('database_type'),
    ...text('City'),
  ];
  const marker = [0xab, 0xcd, 0xef, ...Buffer.from('MaxMind.com')];
  return Buffer.from([...tree, ...Array(16).fill(0), ...data, ...marker, ...metadata]);
}

const file = path.join(folder, 'city.mmdb');
writeFileSync(file, database('81.2.0.0', LONDON, 'GB'));

function places(changes: Partial<PlacesServices> = {}): Places {
  const findAddress: FindAddress = openAddresses(file);
  return new Places({
    given: null,
    timeZone: 'UTC',
    findAddress,
    trustedProxies: ['10.0.0.0/8', '::1'],
    ...changes,
  });
}
const hello = (timeZone: string, place?: Place) => ({
  capabilities: { cores: 1, memoryBytes: 0, platform: 'linux', timeZone, ...(place ? { place } : {}) },
});

describe('a node', () => {
  const { ofNode } = { ofNode: (...args: Parameters<Places['ofNode']>) => places().ofNode(...args) };

  test('is where its owner says, else the device, else its address, else its time zone', () => {
    const given = { place: SYDNEY, region: 'AU' };
    const device = hello('Europe/Paris', PARIS);
    expect(ofNode(device, '81.2.3.4', given)).toEqual({ place: SYDNEY, region: 'AU', source: 'given' });
    expect(ofNode(device, '81.2.3.4', null)).toEqual({ place: PARIS, region: 'GB', source: 'device' });
    const silent = hello('Europe/Paris');
    expect(ofNode(silent, '81.2.3.4', null)).toEqual({ place: LONDON, region: 'GB', source: 'address' });
    expect(ofNode(silent, '192.168.1.7', null)).toEqual({ place: PARIS, region: 'FR', source: 'time_zone' });
    expect(ofNode(hello('UTC'), '', null)).toEqual({ place: null, region: null, source: null });
    expect(ofNode(hello('UTC'), '', { place: null, region: 'DE' })).toMatchObject({ region: 'DE' });
  });

  test('is found by an address of the older version in the form of the newer', () => {
    expect(ofNode(hello('UTC'), '::ffff:81.2.3.4', null)).toMatchObject({ place: LONDON });
  });
});

describe('a time zone', () => {
  test('is where its city is, by its names of today and of before', () => {
    expect(placeOfTimeZone('Asia/Calcutta')).toEqual(placeOfTimeZone('Asia/Kolkata'));
    expect(placeOfTimeZone('America/New_York')).toMatchObject({
      place: { latitude: 40.71, longitude: -74.01 },
      region: 'US',
    });
    for (const name of ['UTC', 'Etc/GMT+5', '', '__proto__', 'constructor'])
      expect(placeOfTimeZone(name)).toBeNull();
  });

  test('is known for nearly all that a browser can have', () => {
    const unknown = Intl.supportedValuesOf('timeZone').filter((name) => placeOfTimeZone(name) === null);
    expect(unknown.filter((name) => !/^(Etc\/|UTC|GMT)/.test(name)).length).toBeLessThan(10);
  });
});

describe('a call', () => {
  const cloudflare = { 'cf-iplatitude': '51.5', 'cf-iplongitude': '-0.12' };

  test('comes from where a trusted proxy says, and from nowhere when anybody says it', () => {
    expect(places().ofCall(cloudflare, '10.1.2.3')).toEqual(LONDON);
    expect(places().ofCall(cloudflare, '9.9.9.9')).toBeNull();
    expect(places().ofCall(cloudflare, null)).toBeNull();
    const others = ['cloudfront-viewer', 'x-vercel-ip', 'fastly-geo'];
    for (const name of others) {
      const headers = { [`${name}-latitude`]: '51.5', [`${name}-longitude`]: '-0.12' };
      expect(places().ofCall(headers, '::1')).toEqual(LONDON);
    }
  });

  test('else from its address: the last that is no proxy, when it came through one', () => {
    expect(places().ofCall({}, '81.2.3.4')).toEqual(LONDON);
    expect(places().ofCall({ 'x-forwarded-for': '9.9.9.9, 81.2.3.4, 10.0.0.7' }, '10.1.2.3')).toEqual(LONDON);
    expect(places().ofCall({ 'x-forwarded-for': '81.2.3.4, 9.9.9.9' }, '10.1.2.3')).toBeNull();
    expect(places().ofCall({ 'x-forwarded-for': '81.2.3.4' }, '9.9.9.9')).toBeNull();
  });

  test('counts from the gateway when that is far, as what runs goes through it', () => {
    const here = places({ given: PARIS });
    expect(here.ofCall({}, '81.2.3.4')).toEqual(LONDON);
    expect(here.ofCall({}, '9.9.9.9')).toEqual(PARIS);
    expect(places({ given: SYDNEY }).ofCall({}, '81.2.3.4')).toEqual(SYDNEY);
    expect(places({ timeZone: 'Australia/Sydney' }).home).toEqual(placeOfTimeZone('Australia/Sydney')?.place);
  });

  test('is on the globe or nowhere, whatever the headers say', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (latitude, longitude, hops) => {
        const headers = { 'cf-iplatitude': latitude, 'cf-iplongitude': longitude, 'x-forwarded-for': hops };
        const place = places().ofCall(headers, '10.0.0.1');
        expect(place === null || (Math.abs(place.latitude) <= 90 && Math.abs(place.longitude) <= 180)).toBe(
          true,
        );
      }),
    );
  });
});

test('a database that cannot be read is said at once', () => {
  const broken = path.join(folder, 'broken.mmdb');
  writeFileSync(broken, 'no database');
  expect(() => openAddresses(path.join(folder, 'missing.mmdb'))).toThrow(ConfigError);
  expect(() => openAddresses(path.join(folder, 'missing.mmdb'))).toThrow('it is not there');
  expect(() => openAddresses(broken)).toThrow('it is no MaxMind database');
  expect(openAddresses(file)('no address')).toBeNull();
});
