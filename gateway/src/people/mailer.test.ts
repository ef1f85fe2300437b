import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Log } from '../store/log.ts';
import { smtpMailer } from './mailer.ts';

const MAIL = {
  to: 'planted@example.com',
  subject: 'Planted subject',
  text: 'https://planted.example/#token',
};

describe('smtpMailer', () => {
  const told: string[] = [];
  const tell = (fields: object, message: string) => void told.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { info: tell, warn: tell, error: tell };
  let server: Server | null = null;
  afterEach(() => {
    told.length = 0;
    server?.close();
    server = null;
  });

  /** A server that says one line and hangs up. */
  async function listening(line: string): Promise<string> {
    server = createServer((socket) => socket.on('error', () => undefined).end(line)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server?.once('listening', resolve));
    const address = server.address();
    return `smtp://user:planted-password@127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  it('tells the operator that a mail failed, without a word of it or of the password', async () => {
    const mailer = smtpMailer(await listening('554 planted@example.com is not welcome\r\n'), log);
    mailer.post(async () => MAIL);
    await mailer.close();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^A mail could not be sent \{"reason":"E[A-Z]+"\}$/);
  });

  it('connects to nobody when there is no mail to send', async () => {
    const mailer = smtpMailer('smtp://127.0.0.1:1', log);
    mailer.post(async () => null);
    await mailer.close();
    expect(told).toEqual([]);
  });

  it('writes the mail after the caller has gone on', async () => {
    const order: string[] = [];
    const mailer = smtpMailer('smtp://127.0.0.1:1', log);
    mailer.post(async () => {
      order.push('written');
      return null;
    });
    await Promise.resolve();
    order.push('answered');
    await mailer.close();
    expect(order).toEqual(['answered', 'written']);
  });

  it('gathers at most a hundred', async () => {
    const gate = Promise.withResolvers<null>();
    const mailer = smtpMailer('smtp://127.0.0.1:1', log);
    for (let i = 0; i < 101; i++) mailer.post(() => gate.promise);
    expect(told).toEqual(['Too many mails wait for the SMTP server {}']);
    gate.resolve(null);
    await mailer.close();
  });
});
