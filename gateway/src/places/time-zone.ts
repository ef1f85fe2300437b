import type { Place } from '@zerogpu/protocol';
import { TIME_ZONES } from './time-zones.generated.ts';

export interface Somewhere {
  readonly place: Place | null;
  /** ISO 3166-1 country code; null when nothing tells. */
  readonly region: string | null;
}

const ZONES = new Map(
  TIME_ZONES.trim()
    .split('\n')
    .map((line): [string, Somewhere] => {
      const [name = '', latitude, longitude, region = ''] = line.split(' ');
      return [name, { place: { latitude: Number(latitude), longitude: Number(longitude) }, region }];
    }),
);

/**
 * Where the main city of a time zone is: within some hundred kilometres of most that use it. Null for those that are nowhere,
 * such as `UTC`, which most servers in data centres have.
 */
export function placeOfTimeZone(name: string): Somewhere | null {
  return ZONES.get(name) ?? null;
}
