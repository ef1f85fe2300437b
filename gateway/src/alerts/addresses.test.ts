import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPublicAddress, wrongUrl } from './addresses.ts';

const CLOSED = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.0.0.1',
  '::ffff:169.254.169.254',
  '::ffff:8.8.8.8',
  '64:ff9b::7f00:1',
  '64:ff9b::808:808',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  '2001:10::1',
  '2001:20::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '2002:a00:1::1',
  '3fff::1',
  '5f00::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  '',
  'localhost',
  'example.com',
  '1.2.3',
  '01.2.3.4',
];
const OPEN = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.255.255',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2001:200::1',
  '2001:4860:4860::8888',
  '2606:4700:4700::1111',
  '2a00:1450:4001::1',
];

describe('where webhooks may go', () => {
  test.each(CLOSED)('not to %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each(OPEN)('to %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test('to no IPv6 address that carries an IPv4 address, whichever', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        for (const prefix of ['::ffff:', '::', '64:ff9b::']) {
          expect(isPublicAddress(prefix + address)).toBe(false);
        }
      }),
    );
  });

  test.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://127.0.0.1./',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://localhost/',
    'http://LOCALHOST/',
    'http://api.localhost./',
    'http://①②⑦.0.0.1/',
    'https://10.0.0.1/',
    'https://example.com:22/',
    'https://example.com:25/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'javascript:alert(1)',
    'https://user@example.com/',
    'https://user:password@example.com/',
    'https://example.com/#fragment',
    'example.com',
    '',
    'https://',
  ])('no webhook to %j', (url) => {
    expect(wrongUrl(url, false)).toMatch(/^url must /);
  });

  test.each([
    'https://example.com/hooks?team=1',
    'http://example.com',
    'https://example.com:8443/x',
    'https://8.8.8.8/',
  ])('a webhook to %j', (url) => {
    expect(wrongUrl(url, false)).toBeNull();
  });

  test('where the operator allows it, to private addresses, but never with another protocol', () => {
    expect(wrongUrl('http://127.0.0.1:9000/', true)).toBeNull();
    expect(wrongUrl('http://localhost:25/', true)).toBeNull();
    expect(wrongUrl('file:///etc/passwd', true)).not.toBeNull();
  });
});
