import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readS3Url } from './s3-url.ts';

const WHOLE = {
  endpoint: 'https://minio.example.com:9000',
  region: 'us-east-1',
  bucket: 'files',
  prefix: '',
  pathStyle: true,
  credentials: { accessKeyId: 'KEY', secretAccessKey: 'SECRET' },
};

describe('S3_URL', () => {
  test('names a server, a bucket and a key', () => {
    expect(readS3Url('s3://KEY:SECRET@minio.example.com:9000/files')).toEqual(WHOLE);
  });

  test.each([
    ['s3://KEY:SECRET@minio.example.com:9000/files/', {}],
    ['s3://KEY:SECRET@minio.example.com:9000/files/a/b.c', { prefix: 'a/b.c/' }],
    ['s3://KEY:SECRET@minio.example.com:9000/files/a//b/', { prefix: 'a/b/' }],
    ['s3://minio.example.com:9000/files', { credentials: null }],
    ['s3://KEY:SECRET@minio.example.com:9000/files?tls=off', { endpoint: 'http://minio.example.com:9000' }],
    ['s3://KEY:SECRET@minio.example.com:9000/files/?region=garage', { region: 'garage' }],
    ['s3://KEY:SECRET@minio.example.com:9000/files?path_style=off&tls=on', { pathStyle: false }],
    ['s3://KEY:SECRET@[::1]:9000/files', { endpoint: 'https://[::1]:9000' }],
    [
      's3://KEY:SECRET@s3.eu-central-1.amazonaws.com/files',
      { endpoint: 'https://s3.eu-central-1.amazonaws.com', region: 'eu-central-1', pathStyle: false },
    ],
  ])('%s', (url, changes) => {
    expect(readS3Url(url)).toEqual({ ...WHOLE, ...changes });
  });

  test('a region that neither the address nor the host says is the environment’s', () => {
    expect(readS3Url('s3://k:s@h/files', 'eu-north-1').region).toBe('eu-north-1');
    expect(readS3Url('s3://k:s@h/files?region=a', 'eu-north-1').region).toBe('a');
    expect(readS3Url('s3://k:s@s3.us-west-2.amazonaws.com/files', 'eu-north-1').region).toBe('us-west-2');
  });

  test('any secret can be written as it is, but for a percent sign', () => {
    const secret = fc.string({ unit: fc.constantFrom(...'aZ09/+=@:?#&%-_~'), minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(secret, (secretAccessKey) => {
        const url = `s3://KEY:${secretAccessKey.replaceAll('%', '%25')}@minio.example.com:9000/files`;
        expect(readS3Url(url)).toEqual({ ...WHOLE, credentials: { accessKeyId: 'KEY', secretAccessKey } });
        const encoded = `s3://KEY:${encodeURIComponent(secretAccessKey)}@minio.example.com:9000/files`;
        expect(readS3Url(encoded)).toEqual(readS3Url(url));
      }),
    );
  });

  test.each([
    ['', 'must look like s3://KEY:SECRET@'],
    ['https://HIDDEN@h/files', 'must look like s3://KEY:SECRET@'],
    ['s3://KEY:HIDDEN', 'must look like s3://KEY:SECRET@'],
    ['s3://KEY:HIDDEN@host', 'must look like s3://KEY:SECRET@'],
    ['s3://KEY:HIDDEN@/files', 'must look like s3://KEY:SECRET@'],
    ['s3://KEY:HIDDEN/files', 'must name a host'],
    ['s3://KEY:HIDDEN@host:99999/files', 'must name a host'],
    ['s3://KEY:HIDDEN@ho st/files', 'must name a host'],
    ['s3://KEY:HIDDEN@host/fi', 'must name a bucket of 3 to 63'],
    ['s3://KEY:HIDDEN@host/fi les', 'must name a bucket of 3 to 63'],
    ['s3://KEY:HIDDEN@host/files/../etc', 'must have a prefix of letters'],
    ['s3://KEY:HIDDEN@host/files/a b', 'must have a prefix of letters'],
    ['s3://HIDDEN@host/files', 'must have a key and a secret before the @'],
    ['s3://:HIDDEN@host/files', 'must have a key and a secret before the @'],
    ['s3://KEY:HID\nDEN@host/files', 'must have a key and a secret before the @'],
    ['s3://KEY:HIDDEN%@host/files', 'must write a percent sign of its key or secret as %25'],
    ['s3://KEY:HIDDEN@host/files?tls=no', 'must have tls=on or tls=off'],
    ['s3://KEY:HIDDEN@host/files?regoin=x', 'did you mean region?'],
    ['s3://KEY:HIDDEN@host/files?region=a%20b', 'must have a region of'],
  ])('%j is refused without its secret', (url, words) => {
    let message = '';
    try {
      readS3Url(url);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain(words);
    expect(message).not.toContain('HID');
  });

  test('whatever is written there, it is read or refused in words', () => {
    const text = fc.string({ unit: fc.constantFrom(...'s3:/@?#&=%[].ab \n') });
    fc.assert(
      fc.property(text, (rest) => {
        try {
          expect(readS3Url(`s3://${rest}`).bucket).not.toBe('');
        } catch (error) {
          expect(error).toMatchObject({ name: 'S3UrlError' });
        }
      }),
    );
  });
});
