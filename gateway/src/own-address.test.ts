import { describe, expect, it } from 'vitest';
import { addressForOthers } from './own-address.ts';

const more = { netmask: '', mac: '', cidr: null };
const loopback = { address: '127.0.0.1', family: 'IPv4', internal: true, ...more } as const;
const six = { address: 'fe80::1', family: 'IPv6', internal: false, scopeid: 1, ...more } as const;
const home = { address: '192.168.1.20', family: 'IPv4', internal: false, ...more } as const;
const INTERFACES = { lo: [loopback], eth0: [six, home] };

describe('the address for others', () => {
  it.each([
    ['0.0.0.0', 'http://127.0.0.1:8080', 'http://192.168.1.20:8080'],
    ['::', 'http://[::1]:8080', 'http://192.168.1.20:8080'],
    ['0.0.0.0', 'http://127.0.0.1', 'http://192.168.1.20'],
    ['127.0.0.1', 'http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['10.0.0.7', 'http://10.0.0.7:8080', 'http://10.0.0.7:8080'],
  ])('listening at %s as %s: %s', (host, url, expected) => {
    expect(addressForOthers(url, host, INTERFACES)).toBe(expected);
  });

  it('is where it listens on a machine without a network', () => {
    expect(addressForOthers('http://127.0.0.1:8080', '0.0.0.0', { lo: [loopback] })).toBe(
      'http://127.0.0.1:8080',
    );
  });
});
