import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { peerAddresses } from './peer-address.ts';

const behind = peerAddresses(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);

describe('the address of a peer', () => {
  test.each([
    ['203.0.113.9', undefined, '203.0.113.9'],
    // Whoever is no proxy of ours may write what they like.
    ['203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['::ffff:127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['127.0.0.1', '6.6.6.6, 198.51.100.1, 10.1.2.3', '198.51.100.1'],
    ['fd00::1', '2001:db8::7', '2001:db8::7'],
    ['127.0.0.1', undefined, '127.0.0.1'],
    ['127.0.0.1', 'nonsense', '127.0.0.1'],
    ['127.0.0.1', '198.51.100.1, nonsense', '127.0.0.1'],
    [undefined, '198.51.100.1', ''],
  ])('%s with "%s" is %s', (remote, forwarded, address) => {
    expect(behind(remote, forwarded)).toBe(address);
  });

  test('is that of the socket, whatever is claimed, where nobody is trusted', () => {
    const direct = peerAddresses([]);
    fc.assert(fc.property(fc.string(), (claimed) => direct('10.0.0.7', claimed) === '10.0.0.7'));
  });

  test('is always one of those that are named, or of the socket', () => {
    fc.assert(
      fc.property(fc.array(fc.ipV4(), { maxLength: 60 }), (named) => {
        const found = behind('127.0.0.1', named.join(', '));
        return found === '127.0.0.1' || named.includes(found);
      }),
    );
  });
});
