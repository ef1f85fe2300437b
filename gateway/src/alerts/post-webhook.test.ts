import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { answers, openReceiver, type Receiver } from '../testing/receiver.ts';
import { MAX_KEPT_BYTES, type PostOptions, postWebhook } from './post-webhook.ts';

let receiver: Receiver;
beforeEach(async () => {
  receiver = await openReceiver();
});
afterEach(() => receiver.close());

const trusting: PostOptions = { privateAllowed: true, timeoutMs: 10_000 };
const at = (address: string) => ({ address, family: address.includes(':') ? 6 : 4 });
const post = (url: string, options: PostOptions = trusting) => postWebhook(url, {}, '{"a":1}', options);

describe('one delivery', () => {
  test('is a POST of the body as it is', async () => {
    receiver.answer = answers(200, 'thanks');
    const headers = { 'content-type': 'application/json', 'webhook-id': 'x' };
    const outcome = await postWebhook(`${receiver.url}/a/b?c=d`, headers, '{"a":1}', trusting);
    expect(outcome).toEqual({ status: 200, error: null, response: 'thanks' });
    expect(receiver.received).toMatchObject([
      { method: 'POST', path: '/a/b?c=d', body: '{"a":1}', headers: { ...headers, 'content-length': '7' } },
    ]);
  });

  test.each([301, 302, 303, 307, 308])('follows no %i', async (status) => {
    receiver.answer = answers(status, '', { location: `${receiver.url}/elsewhere` });
    const outcome = await post(receiver.url);
    expect(outcome).toMatchObject({ status, error: `It answered ${status}; redirects are not followed` });
    expect(receiver.received.map(({ path }) => path)).toEqual(['/']);
  });

  test('keeps a kilobyte of what is answered, however much it is', async () => {
    receiver.answer = (response) => {
      response.on('error', () => undefined);
      response.writeHead(500);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    };
    const outcome = await post(receiver.url);
    expect(outcome).toEqual({
      status: 500,
      error: 'It answered 500',
      response: 'x'.repeat(MAX_KEPT_BYTES),
    });
  });

  test('ends with its time, whether nothing is answered or too slowly, or the name is not looked up', async () => {
    const brief = { ...trusting, timeoutMs: 100 };
    const late = { status: null, error: 'No answer within 0.1 seconds', response: null };
    receiver.answer = () => undefined;
    expect(await post(receiver.url, brief)).toEqual(late);
    receiver.answer = (response) => void response.writeHead(200).write('a');
    expect(await post(receiver.url, brief)).toEqual(late);
    expect(await post('http://slow.example/', { ...brief, resolve: () => new Promise(() => {}) })).toEqual(
      late,
    );
  });

  test('says in words what went wrong, and nothing of our own addresses', async () => {
    const { url } = receiver;
    await receiver.close();
    expect(await post(url)).toMatchObject({ status: null, error: 'The connection was refused' });
    const failing = async () => {
      throw Object.assign(new Error('getaddrinfo at 10.1.2.3'), { code: 'ENOTFOUND' });
    };
    expect(await post('http://nowhere.example/', { ...trusting, resolve: failing })).toMatchObject({
      error: 'The name of the host cannot be looked up',
    });
    receiver = await openReceiver();
  });
});

describe('a hostile url', () => {
  const careful = (...found: string[]): PostOptions => ({
    privateAllowed: false,
    timeoutMs: 10_000,
    resolve: async () => found.map(at),
  });

  test.each([
    [['127.0.0.1']],
    [['169.254.169.254']],
    [['::1']],
    [['::ffff:127.0.0.1']],
    [['fd00:ec2::254']],
    // Which of several would be called is the choice of whoever owns the name.
    [['8.8.8.8', '127.0.0.1']],
    [[]],
  ])('whose name leads to %j is not called', async (found) => {
    const url = `http://hooks.example:${receiver.port}/`;
    const { status, error } = await post(url, careful(...found));
    expect(status).toBeNull();
    expect(error).toMatch(/^hooks\.example (leads to an address that is not part|has no address)/);
    expect(receiver.received).toEqual([]);
  });

  test.each(['127.0.0.1', '[::1]', '2130706433', 'localhost', '[::ffff:127.0.0.1]'])(
    'with the host %s is not called, nor looked up',
    async (host) => {
      const resolve = vi.fn(async () => [at('8.8.8.8')]);
      const { error } = await post(`http://${host}:${receiver.port}/`, { ...careful(), resolve });
      expect(error).toMatch(/public internet/);
      expect(resolve).not.toHaveBeenCalled();
      expect(receiver.received).toEqual([]);
    },
  );

  test('is looked up once, and what was found is what is called, under its own name', async () => {
    const resolve = vi.fn(async () => [at('127.0.0.1')]);
    const url = `http://hooks.example:${receiver.port}/`;
    expect(await post(url, { ...trusting, resolve })).toMatchObject({ status: 204 });
    expect(resolve).toHaveBeenCalledTimes(1);
    expect(receiver.received[0]?.headers.host).toBe(`hooks.example:${receiver.port}`);
  });
});
