/** The pages behind links and at `/`, in a real browser on a real gateway, the whole way of whoever got a link. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { Password } from '@zerogpu/protocol';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeInChromium, launchChromium } from './support/chromium.ts';
import { ROOT } from './support/managed-process.ts';
import { PASSWORD } from './support/people.ts';
import { SmtpServer, textOf } from './support/smtp-server.ts';
import { TestGateway } from './support/test-gateway.ts';

const HTML = { headers: { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' }, key: null };
const PAGES = ['/', '/invitation', '/reset-password'];
const newEmail = () => `${randomUUID()}@example.com`;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(async () => {
  await gateway.stop();
  expect(gateway.told).toEqual([]);
});

async function invite(body: object = { role: 'developer' }) {
  const owner = await gateway.signIn();
  const { organizationId } = gateway.first;
  const made = await gateway.admin(owner, `/api/organizations/${organizationId}/invitations`, body);
  expect(made.status).toBe(201);
  return made.json as { id: string; token: string; link: string };
}

async function members(): Promise<{ email: string; role: string }[]> {
  const owner = await gateway.signIn();
  const list = await gateway.admin(owner, `/api/organizations/${gateway.first.organizationId}/members`);
  return list.json.data;
}

async function resetLink(email: string): Promise<string> {
  const program = path.join(ROOT, 'gateway/src/operator.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'reset-link', email], {
    env: {
      PATH: process.env['PATH'],
      ZEROGPU_DATA_DIR: gateway.gateway.dataDir,
      ZEROGPU_PUBLIC_URL: gateway.url,
    },
  });
  return stdout.trim();
}

describe('what is served', () => {
  it.each(PAGES)('%s is a page that runs and asks nothing but this server', async (route) => {
    const { status, headers, text } = await gateway.call(route, undefined, HTML);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = headers.get('content-security-policy');
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]) {
      expect(policy).toContain(rule);
    }
    expect(policy).not.toContain('unsafe');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(text).not.toMatch(/\son\w+=|\sstyle=|javascript:|https?:\/\/|<script(?![^>]* src=)/i);
    const parts = [...text.matchAll(/(?:src|href)="(pages\/[^"]+)"/g)].map((match) => match[1]);
    expect(parts.length).toBeGreaterThanOrEqual(3);
    for (const part of parts) expect((await gateway.call(`/${part}`, undefined, HTML)).status).toBe(200);
  });

  it('tells programs at / where what is, as JSON', async () => {
    for (const accept of ['*/*', 'application/json', '']) {
      const index = await gateway.call('/', undefined, { headers: { accept }, key: null });
      expect([index.status, index.headers.get('vary')]).toEqual([200, 'accept']);
      expect(index.json).toMatchObject({ name: 'ZeroGPU', openapi: '/openapi.json', health: '/health' });
      expect((await gateway.call(index.json.openapi, undefined, { key: null })).status).toBe(200);
    }
    expect((await gateway.call('/', {}, { key: null })).status).toBe(405);
    expect((await gateway.call('/invitation', undefined, { ...HTML, method: 'HEAD' })).status).toBe(200);
    expect((await gateway.call('/pages/pages.ts', undefined, { key: null })).status).toBe(404);
  });

  it('says the shortest password that the API takes', async () => {
    for (const route of ['/invitation', '/reset-password']) {
      const { text } = await gateway.call(route, undefined, HTML);
      expect(text).toContain(`At least ${Password.minLength} characters`);
      expect(text).toContain(`minlength="${Password.minLength}"`);
    }
  });
});

describeInChromium('in Chromium', () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** Addresses that were asked for, and errors of scripts or of the policy. */
  let asked: string[];
  let broken: string[];
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    asked = [];
    broken = [];
    // A phone.
    context = await browser.newContext({ viewport: { width: 360, height: 740 } });
    page = await context.newPage();
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => broken.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy|TrustedHTML/i.test(message.text())) broken.push(message.text());
    });
  });
  afterEach(async () => {
    expect(broken).toEqual([]);
    for (const url of asked) {
      expect(new URL(url).origin).toBe(gateway.url);
      expect(url).not.toMatch(/zgpu-(?:reset|invite)-|password=/);
    }
    await context.close();
  });

  const heading = (name: string | RegExp) => page.getByRole('heading', { name }).waitFor();
  const field = (label: string) => page.getByLabel(label, { exact: true }).filter({ visible: true });
  const type = (label: string, text: string) => field(label).fill(text);
  const press = (name: string) => page.getByRole('button', { name }).click();
  const alert = async (text: string | RegExp) =>
    page.getByRole('alert').filter({ hasText: text, visible: true }).waitFor();

  async function signUp(name: string, email?: string) {
    if (email !== undefined) await type('Email address', email);
    await type('Your name', name);
    await type('Password', PASSWORD);
    await press('Sign up and accept');
  }

  async function signIn(email: string, password = PASSWORD) {
    await type('Email address', email);
    await type('Password', password);
    await press('Sign in');
  }

  it('an invitation’s link makes a member of somebody who had no account', async () => {
    const { link } = await invite();
    await page.goto(link);
    await heading('You are invited to my-company');
    expect(page.url()).toBe(`${gateway.url}/invitation`);
    expect(await page.evaluate('history.length')).toBe(2);
    await page.getByText('You would be a developer of this organization').waitFor();
    const email = newEmail();
    await signUp('Ada', email);
    await heading('You are now a developer of my-company');
    await page.getByText(`Ada (${email})`).filter({ visible: true }).waitFor();
    expect(await members()).toContainEqual(expect.objectContaining({ email, role: 'developer' }));

    await page.getByRole('link', { name: /start page/ }).click();
    await page.getByText('my-company (developer)').waitFor();
    await press('Sign out');
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(await context.cookies()).toEqual([]);

    // Pasted over an open page the same link, used up by now, is looked at again.
    await page.goto(`${gateway.url}/invitation`);
    await heading('Open the link again');
    await page.goto(link);
    await heading('This invitation is not valid any more');
  });

  it('it makes a member of somebody who signs in first, and by keyboard alone', async () => {
    const one = await gateway.signUp();
    await page.goto((await invite({ role: 'viewer' })).link);
    await heading(/^You are invited/);
    await press('I have an account already');
    await signIn(one.email, 'not the password');
    await alert(/./);
    expect(await members()).not.toContainEqual(expect.objectContaining({ email: one.email }));
    await type('Password', PASSWORD);
    await page.keyboard.press('Enter');
    await heading('Accept it?');
    // The view begins at its heading; the next thing with a Tab is its button.
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Accept the invitation');
    await page.keyboard.press('Enter');
    await heading('You are now a viewer of my-company');
    expect(await members()).toContainEqual(expect.objectContaining({ email: one.email, role: 'viewer' }));

    // Signed in already, and a member: said in words.
    await page.goto((await invite()).link);
    await press('Accept the invitation');
    await alert('You are a member of this organization already.');
  });

  it('an invitation for one address is refused to another account, which may be left', async () => {
    const email = newEmail();
    const other = await gateway.signUp();
    const { link } = await invite({ role: 'admin', email });
    await page.goto(gateway.url);
    await signIn(other.email);
    await page.getByText('You are a member of no organization').waitFor();
    await page.goto(link);
    await page.getByText(`The invitation is for ${email}`).waitFor();
    await page.getByText('That is not the account that the invitation is for').waitFor();
    expect(await page.getByRole('button', { name: 'Accept the invitation' }).isVisible()).toBe(false);
    await press('Use another account');
    expect(await field('Email address').inputValue()).toBe(email);
    await signUp('Grace');
    await heading('You are now an admin of my-company');
  });

  it('says that an invitation is over, also one that ended while it was looked at', async () => {
    const { id, link } = await invite();
    await page.goto(link);
    await heading(/^You are invited/);
    await gateway.pool.query("UPDATE invitations SET expires_at = now() - interval '1 s' WHERE id = $1", [
      id,
    ]);
    await signUp('Late', newEmail());
    await heading('This invitation is not valid any more');
    await page.goto(`${gateway.url}/reset-password`);
    await page.goto(`${gateway.url}/invitation#zgpu-invite-nonsense`);
    await heading('This invitation is not valid any more');
  });

  it('shows a name of an organization as the text that it is', async () => {
    const owner = await gateway.signUp();
    const name = '<img src=x onerror="document.title=1"> & “Söhne”';
    const made = await gateway.admin(owner, '/api/organizations', { name });
    const route = `/api/organizations/${made.json.id}/invitations`;
    const { json } = await gateway.admin(owner, route, { role: 'owner' });
    await page.goto(json.link);
    await heading(`You are invited to ${name}`);
    expect(await page.title()).toBe('Invitation – ZeroGPU');
  });

  it('a link of the operator’s command sets a new password, once', async () => {
    const one = await gateway.signUp();
    const link = await resetLink(one.email);
    await page.goto(link);
    await heading('Set a new password');
    expect(page.url()).toBe(`${gateway.url}/reset-password`);
    await type('New password', 'short');
    await type('New password again', 'short');
    await press('Set the password');
    expect(await page.evaluate("document.getElementById('password').validity.tooShort")).toBe(true);
    await type('New password', 'a new password');
    await type('New password again', 'another password');
    await press('Set the password');
    await alert('The two passwords are not the same.');
    const again = page.getByLabel('New password again');
    expect(await again.getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('Show what I type').check();
    expect(await again.getAttribute('type')).toBe('text');
    await again.fill('a new password');
    await page.keyboard.press('Enter');
    await heading('Your new password is set');

    await page.getByRole('link', { name: 'Sign in with it' }).click();
    await signIn(one.email);
    await alert(/./);
    await signIn(one.email, 'a new password');
    await page.getByText(`(${one.email})`).waitFor();
    expect((await gateway.admin(one, '/api/session')).status).toBe(401);

    await page.goto(link);
    await type('New password', 'a newer password');
    await type('New password again', 'a newer password');
    await press('Set the password');
    await page.getByText('it was used, or it is older than an hour').waitFor();
    await page.getByText('npm run admin -- reset-link').waitFor();
  });

  it.each(PAGES)('%s says that it needs scripts where none may run, and shows no form', async (route) => {
    const still = await browser.newPage({ javaScriptEnabled: false });
    await still.goto(gateway.url + route);
    await still.getByText(/only with JavaScript/).waitFor();
    expect(await still.locator('form').filter({ visible: true }).count()).toBe(0);
    await still.close();
  });

  it('says what is wrong with an account in words', async () => {
    const one = await gateway.signUp();
    await page.goto((await invite()).link);
    await signUp('Ada', one.email);
    await alert('There is an account with this email address; sign in, or reset its password.');
    expect(await field('Email address').getAttribute('aria-invalid')).toBe('true');
    await press('I have an account already');
    await signIn(one.email, 'not the password');
    await alert('The email address or the password is wrong.');
    for (let attempt = 0; attempt < 15; attempt++) {
      const body = { email: one.email, password: 'a guess' };
      await gateway.admin(null, '/api/auth/sign-in', body);
    }
    await signIn(one.email);
    await alert(/^Too many attempts; try again in \d+ seconds\.$/);
  });

  it('says that the server cannot be reached, and goes on when it can', async () => {
    const { link } = await invite();
    await page.route('**/api/**', (route) => route.abort());
    await page.goto(link);
    await page.getByText('The server cannot be reached').waitFor();
    await page.unroute('**/api/**');
    await press('Try again');
    await heading('You are invited to my-company');
  });

  it('the start page says how the server is and where programs call it', async () => {
    await page.goto(gateway.url);
    await page.getByText('It cannot answer requests now').waitFor();
    await page.getByText('No node is connected').waitFor();
    await page.getByText(`${gateway.url}/v1`).waitFor();
    expect(await page.getByRole('link', { name: 'openapi.json' }).getAttribute('href')).toBe('openapi.json');
  });

  it.each(PAGES)(
    '%s has landmarks, a label for every field, one heading, and fits a phone',
    async (route) => {
      await page.goto(gateway.url + route);
      expect(await page.getByRole('main').count()).toBe(1);
      expect(await page.getByRole('banner').count()).toBe(1);
      await page.evaluate("for (const one of document.querySelectorAll('[hidden]')) one.hidden = false");
      const faults = await page.evaluate(`[
      ...[...document.querySelectorAll('input')].filter((input) => input.labels.length !== 1),
      ...[...document.querySelectorAll('input:not([type=checkbox])')].filter((input) => !input.autocomplete),
      ...[...document.querySelectorAll('[aria-describedby]')].filter((one) =>
        one.getAttribute('aria-describedby').split(' ').some((id) => !document.getElementById(id))),
      ...[...document.querySelectorAll('[id]')].filter((one) => document.querySelectorAll('#' + one.id).length > 1),
      ...[...document.querySelectorAll('button')].filter((one) => one.textContent.trim() === ''),
      ...[...document.querySelectorAll('main > section[data-view]')].filter((one) => one.querySelectorAll('h1').length !== 1),
    ].map((one) => one.outerHTML)`);
      expect(faults).toEqual([]);
      expect(await page.evaluate('document.documentElement.lang')).toBe('en');
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    },
  );
});

describeInChromium('with mails, closed, and behind a proxy that has it in a folder', () => {
  let browser: Browser;
  let smtp: SmtpServer;
  let mailing: TestGateway;
  let publicUrl: string;
  const proxy = createServer((incoming, outgoing) => forward(mailing.url, incoming, outgoing));
  beforeAll(async () => {
    browser = await launchChromium();
    smtp = await SmtpServer.start();
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    publicUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/ai`;
    mailing = await TestGateway.start({
      SMTP_URL: smtp.url,
      ZEROGPU_SIGN_UP: 'closed',
      ZEROGPU_PUBLIC_URL: publicUrl,
    });
  });
  afterAll(async () => {
    await browser.close();
    proxy.close();
    await mailing.stop();
    await smtp.stop();
  });

  it('a forgotten password is set by a link that the page had mailed', async () => {
    const page = await browser.newPage();
    await page.goto(`${publicUrl}/`);
    await page.getByText(`${publicUrl}/v1`).waitFor();
    await page.getByRole('link', { name: 'Forgot the password?' }).click();
    await page.getByLabel('Email address of your account').fill('admin@zerogpu.localhost');
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await page.getByRole('heading', { name: 'Look into your mail' }).waitFor();
    const mail = await mailing.eventually('the mail', async () => smtp.mails[0] ?? null);
    const link = /http\S+\/reset-password#\S+/.exec(textOf(mail))?.[0] ?? '';
    expect(link.startsWith(publicUrl)).toBe(true);
    await page.goto(link);
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('New password again').fill(PASSWORD);
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.getByRole('heading', { name: 'Your new password is set' }).waitFor();
    await mailing.signIn('admin@zerogpu.localhost', PASSWORD);
  });

  it('where nobody may sign up, an invitation asks only to sign in', async () => {
    const owner = await mailing.signIn('admin@zerogpu.localhost', PASSWORD);
    const route = `/api/organizations/${mailing.first.organizationId}/invitations`;
    const { json } = await mailing.admin(owner, route, { role: 'viewer' });
    const page = await browser.newPage();
    await page.goto(json.link);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.getByRole('button', { name: 'I have no account yet' }).isVisible()).toBe(false);
    await page.getByLabel('Email address').filter({ visible: true }).fill('admin@zerogpu.localhost');
    await page.getByLabel('Password').filter({ visible: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Accept it?' }).waitFor();
  });
});

/** Without the folder `/ai`, and with another `host`: as proxies do unless told otherwise. */
function forward(to: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const headers = { ...incoming.headers, host: new URL(to).host };
  const url = to + (incoming.url ?? '').replace(/^\/ai/, '');
  const call = request(url, { method: incoming.method ?? 'GET', headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  call.on('error', () => outgoing.destroy());
  incoming.pipe(call);
}
