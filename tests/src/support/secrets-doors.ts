/** Every way in that a person or a program may mistake for the right one, knocked at with a secret in hand. */
import { ADMIN_ROUTES, type AdminRoute, isRecord } from '@zerogpu/protocol';
import type { Platform } from './platform.ts';
import { ECHO, KEPT_BODY, looksSecret, type Witness } from './secrets.ts';

export interface Said {
  readonly status: number;
  readonly place: string;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: an answer as a client sees it
  readonly json: any;
  readonly headers: Headers;
}

export interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  /** Instead of `body`, as it is. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent holds a secret where none belongs. */
  readonly misplaced?: boolean;
}

/** A caller of everything, whose every answer is remembered. */
export class Visitor {
  readonly #platform: Platform;
  readonly #witness: Witness;
  #asked = 0;

  constructor(platform: Platform, witness: Witness) {
    this.#platform = platform;
    this.#witness = witness;
  }

  async ask(path: string, { method, body, raw, headers = {}, misplaced = false }: Asked = {}): Promise<Said> {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const verb = method ?? (content === undefined ? 'GET' : 'POST');
    const response = await fetch(this.#platform.url + path, {
      method: verb,
      headers: {
        ...this.#onceHeader(verb, path),
        ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content }),
      redirect: 'manual',
    });
    const text = await response.text();
    const place = `answer ${++this.#asked}: ${verb} ${nameOf(path)} ${response.status}`;
    const sent = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    const json = jsonOf(text);
    this.#see(place + (misplaced ? ECHO : ''), sent, text, json);
    return { status: response.status, place, text, json, headers: response.headers };
  }

  /** So that what is answered once is kept, wherever it may be. */
  #onceHeader(verb: string, path: string): Readonly<Record<string, string>> {
    return verb === 'POST' && path.startsWith('/api/') ? { 'idempotency-key': `call-${this.#asked}` } : {};
  }

  /** The bodies that a project keeps are told apart from the rest of the answer. */
  #see(place: string, headers: string, text: string, json: unknown): void {
    const kept = isRecord(json) && json['payload'] !== undefined;
    const said = kept ? JSON.stringify({ ...json, payload: null }) : text;
    this.#witness.saw(place, `${headers}\n\n${said}`);
    if (kept) this.#witness.saw(place + KEPT_BODY, JSON.stringify(json['payload']));
  }

  /** With what is no key, no session, no token of the right kind, or in the wrong place. */
  async knockEverywhere(secret: string): Promise<void> {
    const ask = (path: string, asked: Asked = {}) => this.ask(path, { ...asked, misplaced: true });
    const inHeaders = [
      { 'x-api-key': secret },
      { authorization: `Bearer ${secret}` },
      { authorization: `Basic ${Buffer.from(`user:${secret}`).toString('base64')}` },
      { cookie: `zerogpu_session=${secret}` },
      { 'x-project-id': secret },
      { 'x-request-id': secret },
      { 'user-agent': 'test', referer: `http://example.com/?key=${secret}` },
    ];
    for (const headers of inHeaders) {
      await ask('/v1/models', { headers });
      await ask('/api/session', { headers });
    }
    const text = encodeURIComponent(secret);
    for (const path of [`/v1/models?api_key=${text}`, `/v1/models/${text}`, `/${text}`, `/api/${text}`]) {
      await ask(path);
      await ask(path, { method: 'DELETE' });
    }
    for (const path of ['/v1/chat/completions', '/v1/responses', '/api/auth/sign-in']) {
      await ask(path, { raw: `{"password": "${secret}", ` });
      await ask(path, { raw: JSON.stringify(secret) });
      await ask(path, { raw: '{}', headers: { 'content-type': `text/${secret}` } });
    }
    await ask('/api/auth/sign-in', { body: { email: secret, password: secret } });
    await ask('/api/auth/sign-up', { body: { email: secret, password: secret, name: 'Ada' } });
    await ask('/api/auth/request-password-reset', { body: { email: secret } });
    await ask('/api/auth/reset-password', { body: { token: secret, password: secret } });
    await ask('/api/invitations/view', { body: { token: secret } });
    await ask('/api/webhooks/stripe', { body: { secret }, headers: { 'stripe-signature': secret } });
  }

  /** The same by who has a key: a body is read then, and the log is written. */
  async knockWithKey(secret: string, apiKey: string): Promise<void> {
    const headers = { 'x-api-key': apiKey };
    const ask = (asked: Asked) => this.ask('/v1/responses', { headers, misplaced: true, ...asked });
    await ask({ raw: `{"model": "${secret}", ` });
    await ask({ raw: JSON.stringify(secret) });
    await ask({ body: { model: 'm', input: 'text', [secret]: 1 } });
    await ask({ body: { model: 'm', input: [{ role: secret }] } });
    await ask({ body: {}, headers: { ...headers, 'x-project-id': secret } });
    await ask({ body: {}, headers: { ...headers, 'content-type': secret } });
    // A name that looks like nothing is kept in the log as it is.
    if (looksSecret(secret)) await ask({ body: { model: secret, input: 'text' } });
  }

  /** Reads whatever can be read, with these ids. */
  async readEverything(
    ids: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    const routes: AdminRoute[] = Object.values(ADMIN_ROUTES);
    for (const { method, path, content } of routes) {
      if (method !== 'get' || content?.includes('text/event-stream') === true) continue;
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? 'none');
      for (const query of content === undefined ? [''] : ['', '?format=csv', '?format=jsonl']) {
        await this.ask(filled + query, { headers });
      }
    }
    for (const path of ['/metrics', '/openapi.json', '/health', '/health/ready', '/v1/models', '/']) {
      await this.ask(path);
    }
  }
}

/** Without what was sent in it. */
function nameOf(path: string): string {
  return path.replace(/\?.*/, '').replace(/(EXAMPLE|zgpu-|whsec_).*/, '…');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
