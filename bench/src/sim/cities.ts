/**
 * Where callers and nodes are, and how long a packet takes: round trips between cities as WonderNetwork measured them
 * (../shared/data/fixtures/latency, used by this bench only), with the cities' places. Cities without a place are left out.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Place } from '@zerogpu/protocol';

export interface City {
  readonly name: string;
  readonly place: Place;
  /** Of the tz database; what a fresh install knows of a device. */
  readonly zone: string;
  /** Where the tz database has the zone: up to two thousand kilometres from the city. */
  readonly zonePlace: Place;
}

export interface Cities {
  readonly list: readonly City[];
  /** Row by row, milliseconds. */
  readonly roundTrips: Float64Array;
}

export const DEFAULT_FOLDER = path.join(import.meta.dirname, '../../../../shared/data/fixtures/latency');

/**
 * Cities of the matrix that the tz database does not name, with their zones: without them every place would be that of its
 * zone, and nothing would be coarse. Degrees by common atlases, to a tenth.
 */
const FURTHER: Readonly<Record<string, readonly (readonly [name: string, north: number, east: number])[]>> = {
  'America/New_York': [
    ['Boston', 42.4, -71.1],
    ['Miami', 25.8, -80.2],
    ['Washington', 38.9, -77],
    ['Atlanta', 33.7, -84.4],
    ['Philadelphia', 40, -75.2],
    ['Charlotte', 35.2, -80.8],
    ['Pittsburgh', 40.4, -80],
    ['Orlando', 28.5, -81.4],
    ['Tampa', 28, -82.5],
  ],
  'America/Chicago': [
    ['Dallas', 32.8, -96.8],
    ['Houston', 29.8, -95.4],
    ['Minneapolis', 45, -93.3],
    ['KansasCity', 39.1, -94.6],
    ['NewOrleans', 30, -90.1],
  ],
  'America/Los_Angeles': [
    ['Seattle', 47.6, -122.3],
    ['SanJose', 37.3, -121.9],
    ['Portland', 45.5, -122.7],
    ['LasVegas', 36.2, -115.1],
    ['SanDiego', 32.7, -117.2],
  ],
  'Europe/Rome': [
    ['Milan', 45.5, 9.2],
    ['Palermo', 38.1, 13.4],
    ['Venice', 45.4, 12.3],
  ],
  'Europe/Madrid': [
    ['Barcelona', 41.4, 2.2],
    ['Valencia', 39.5, -0.4],
  ],
  'Europe/London': [
    ['Manchester', 53.5, -2.2],
    ['Edinburgh', 56, -3.2],
    ['Cardiff', 51.5, -3.2],
  ],
  'Asia/Tokyo': [
    ['Osaka', 34.7, 135.5],
    ['Sapporo', 43.1, 141.4],
  ],
};

/** Null where the folder is not at hand. */
export function readCities(folder: string): Cities | null {
  const matrixFile = path.join(folder, 'wonderproxy.csv');
  if (!existsSync(matrixFile)) return null;
  const matched = readFileSync(path.join(folder, 'wonderproxy_cities_tz_matched.csv'), 'utf8');
  return citiesOf(readFileSync(matrixFile, 'utf8'), matched);
}

/** @param matched city, country, north, east, zone */
export function citiesOf(matrix: string, matched: string): Cities {
  const [header = [], ...rows] = cells(matrix);
  const columns = new Map(header.map((name, column) => [name, column]));
  const rowOf = new Map(rows.map((row) => [row[0] ?? '', row]));
  const list = placed(matched).filter(({ name }) => columns.has(name) && rowOf.has(name));
  const roundTrips = new Float64Array(list.length ** 2);
  for (const [i, a] of list.entries()) {
    for (const [j, b] of list.entries()) {
      roundTrips[i * list.length + j] = Number(rowOf.get(a.name)?.[columns.get(b.name) ?? -1]);
    }
  }
  if (roundTrips.some((ms) => !(ms >= 0))) throw new Error('The matrix of round trips has holes');
  return { list, roundTrips };
}

function placed(matched: string): City[] {
  const cities: City[] = [];
  for (const [name = '', , north, east, zone = ''] of cells(matched).slice(1)) {
    const place = { latitude: Number(north), longitude: Number(east) };
    // The matrix means San Juan of Puerto Rico, the list that of Argentina.
    if (name === 'SanJuan') continue;
    cities.push({ name, place, zone, zonePlace: place });
    for (const [further, latitude, longitude] of FURTHER[zone] ?? []) {
      cities.push({ name: further, place: { latitude, longitude }, zone, zonePlace: place });
    }
  }
  return cities;
}

function cells(csv: string): string[][] {
  return csv
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','));
}
