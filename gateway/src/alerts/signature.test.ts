import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { makeWebhookSecret, signatureHeaders } from './signature.ts';

describe('webhook signatures', () => {
  test('are as in the example of the specification', () => {
    const message = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      body: '{"test": 2432232314}',
      at: 1_614_265_330_999,
    };
    expect(signatureHeaders(message, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('are verified by the public library, for either of two secrets and no third', () => {
    fc.assert(
      fc.property(fc.json(), (body) => {
        const [old, fresh, foreign] = [makeWebhookSecret(), makeWebhookSecret(), makeWebhookSecret()];
        const headers = signatureHeaders({ id: 'evt_1', body, at: Date.now() }, [fresh, old]);
        for (const secret of [fresh, old]) {
          expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
        }
        expect(() => new Webhook(foreign).verify(body, headers)).toThrow();
        expect(() => new Webhook(fresh).verify(`${body} `, headers)).toThrow();
        const stale = { ...headers, 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 3600) };
        expect(() => new Webhook(fresh).verify(body, stale)).toThrow();
      }),
      { numRuns: 50 },
    );
  });

  test('a secret has 32 bytes and its prefix', () => {
    expect(makeWebhookSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(makeWebhookSecret()).not.toBe(makeWebhookSecret());
  });
});
