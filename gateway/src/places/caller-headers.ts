/** What the edge of a content network says of where a caller is. Believed only from proxies that the operator trusts. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Place } from '@zerogpu/protocol';
import { placeOf } from './addresses.ts';

/** Latitude and longitude: Cloudflare (managed transform "add visitor location headers"), CloudFront, Vercel, Fastly by VCL. */
const NAMES = [
  ['cf-iplatitude', 'cf-iplongitude'],
  ['cloudfront-viewer-latitude', 'cloudfront-viewer-longitude'],
  ['x-vercel-ip-latitude', 'x-vercel-ip-longitude'],
  ['fastly-geo-latitude', 'fastly-geo-longitude'],
] as const;

const NUMBER = /^-?\d{1,3}(\.\d{1,12})?$/;

export function placeInHeaders(headers: IncomingHttpHeaders): Place | null {
  for (const [latitude, longitude] of NAMES) {
    const place = placeOf(numberIn(headers[latitude]), numberIn(headers[longitude]));
    if (place !== null) return place;
  }
  return null;
}

function numberIn(value: string | string[] | undefined): number | null {
  return typeof value === 'string' && NUMBER.test(value) ? Number(value) : null;
}
