/**
 * Reads `S3_URL`: `s3://KEY:SECRET@host[:port]/bucket[/prefix]?region=…&tls=off&path_style=off`.
 * Without `KEY:SECRET@` the library looks where AWS's programs look: `AWS_` names, profiles, the machine's role.
 */
import { nearest } from '../nearest.ts';

export interface S3Location {
  /** Such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Begins every name in the bucket: empty, or ends with a slash. */
  readonly prefix: string;
  /** `host/bucket/name` in place of `bucket.host/name`. */
  readonly pathStyle: boolean;
  /** Null: found as AWS's programs find theirs. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
}

/** Says what is wrong with an `S3_URL`, and quotes nothing that may be its secret. */
export class S3UrlError extends Error {
  override readonly name = 'S3UrlError';
}

/** The last `@` ends the secret, because secrets of AWS have slashes, and what comes after it has no `@`. */
const FORM =
  /^s3:\/\/(?:(?<who>.*)@)?(?<host>[^/?#@]+)\/(?<bucket>[^/?#@]+)(?:\/(?<prefix>[^?#@]*))?(?:\?(?<query>[^#@]*))?$/s;
const EXAMPLE = 's3://KEY:SECRET@minio.example.com:9000/bucket/prefix?region=us-east-1&tls=off';
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/;
/** Of AWS's own hosts the region is a part. */
const AWS_HOST = /^s3[.-](?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;
const OPTIONS = ['region', 'tls', 'path_style'];

/**
 * @param awsRegion what the environment says, for an address that does not
 * @throws S3UrlError
 */
export function readS3Url(text: string, awsRegion?: string): S3Location {
  const { who, host = '', bucket = '', prefix = '', query = '' } = FORM.exec(text)?.groups ?? {};
  if (host === '' || bucket === '') throw new S3UrlError(`must look like ${EXAMPLE}`);
  const options = readOptions(query);
  return {
    endpoint: `${options.tls ? 'https' : 'http'}://${checkHost(host)}`,
    region: options.region ?? AWS_HOST.exec(host)?.[1] ?? (awsRegion || DEFAULT_REGION),
    bucket: checkBucket(bucket),
    prefix: readPrefix(prefix),
    // AWS wants the bucket in the host; whoever runs a server has one host for all buckets.
    pathStyle: options.pathStyle ?? !host.includes('.amazonaws.com'),
    credentials: who === undefined ? null : readCredentials(who),
  };
}

/** What servers other than AWS's call theirs, unless they were told otherwise. */
const DEFAULT_REGION = 'us-east-1';

function checkHost(host: string): string {
  if (HOST.test(host) && URL.canParse(`http://${host}`)) return host;
  // Not quoted: a secret without its `@` would stand here.
  throw new S3UrlError(`must name a host, as in ${EXAMPLE}`);
}

function checkBucket(bucket: string): string {
  if (BUCKET.test(bucket)) return bucket;
  throw new S3UrlError('must name a bucket of 3 to 63 letters, digits, dots and dashes after the host');
}

function readPrefix(prefix: string): string {
  const folders = prefix.split('/').filter((folder) => folder !== '');
  if (folders.length === 0) return '';
  const right = folders.every((folder) => /^[A-Za-z0-9._-]+$/.test(folder) && !/^\.+$/.test(folder));
  if (right && prefix.length <= 200) return `${folders.join('/')}/`;
  throw new S3UrlError('must have a prefix of letters, digits, dots and dashes after the bucket, or none');
}

function readCredentials(who: string): S3Location['credentials'] {
  const [, key = '', secret = ''] = /^([^:]+):(.+)$/s.exec(who) ?? [];
  const accessKeyId = decoded(key);
  const secretAccessKey = decoded(secret);
  // What a header can carry.
  if (/^[\x21-\x7e]+$/.test(accessKeyId) && /^[\x21-\x7e]+$/.test(secretAccessKey))
    return { accessKeyId, secretAccessKey };
  throw new S3UrlError(
    'must have a key and a secret before the @, with a colon between, or neither and no @',
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3UrlError('must write a percent sign of its key or secret as %25');
  }
}

function readOptions(query: string) {
  const options = new URLSearchParams(query);
  for (const name of options.keys()) {
    if (OPTIONS.includes(name)) continue;
    throw new S3UrlError(`has an option that is not known; did you mean ${nearest(name, OPTIONS)}?`);
  }
  return {
    region: readRegion(options.get('region')),
    tls: onOrOff('tls', options.get('tls')) ?? true,
    pathStyle: onOrOff('path_style', options.get('path_style')),
  };
}

function readRegion(region: string | null): string | null {
  if (region === null || /^[A-Za-z0-9-]{1,64}$/.test(region)) return region;
  throw new S3UrlError('must have a region of letters, digits and dashes');
}

function onOrOff(name: string, text: string | null): boolean | null {
  if (text === null) return null;
  if (text === 'on' || text === 'off') return text === 'on';
  throw new S3UrlError(`must have ${name}=on or ${name}=off`);
}
