/** Distance on the globe, and the round trip that it makes likely. Pure. */
import type { Place } from '@zerogpu/protocol';

const EARTH_KM = 6371;
const RADIANS = Math.PI / 180;

/** Along the great circle. */
export function distanceKm(a: Place, b: Place): number {
  const cos = Math.cos(a.latitude * RADIANS) * Math.cos(b.latitude * RADIANS);
  const x =
    Math.sin(((b.latitude - a.latitude) * RADIANS) / 2) ** 2 +
    cos * Math.sin(((b.longitude - a.longitude) * RADIANS) / 2) ** 2;
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(x)));
}

const RTT_BASE_MS = 5;
const RTT_MS_PER_KM = 0.016;

export function rttOfKm(km: number): number {
  return RTT_BASE_MS + km * RTT_MS_PER_KM;
}
