/**
 * Pages for people who got a link, and for whoever opens this server's address in a browser. They are files as they are:
 * no framework, no build; what they show they ask the admin API for.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { newId, VERSION } from '@zerogpu/protocol';
import type { FastifyInstance, FastifyReply } from 'fastify';

const FOLDER = path.join(import.meta.dirname, 'browser');
/** Links lead to the first two: `linkTo` in people has their names. */
const PAGES = ['invitation', 'reset-password'] as const;
const PARTS = ['page.js', 'invitation.js', 'reset-password.js', 'start.js', 'style.css', 'icon.svg'] as const;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Only files of this server run, and only this server is asked. Forms are sent by scripts alone: where these do not run,
 * a password goes nowhere.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** What a program is told at `/`, in place of a page. */
const INDEX = { name: 'ZeroGPU', version: VERSION, openapi: '/openapi.json', health: '/health', api: '/v1' };

export function addPages(app: FastifyInstance): void {
  const start = read('start.html');
  app.get('/', ({ headers }, reply) => {
    reply.header('vary', 'accept');
    return /\btext\/html\b/i.test(headers.accept ?? '') ? send(reply, start) : own(reply).send(INDEX);
  });
  for (const page of PAGES) addFile(app, `/${page}`, `${page}.html`);
  for (const part of PARTS) addFile(app, `/pages/${part}`, part);
}

function addFile(app: FastifyInstance, url: string, name: string): void {
  const file = read(name);
  app.get(url, (_request, reply) => send(reply, file));
}

interface PageFile {
  readonly type: string;
  readonly content: string;
}

function read(name: string): PageFile {
  const content = readFileSync(path.join(FOLDER, name), 'utf8');
  return { type: TYPES[path.extname(name)] ?? 'text/plain; charset=utf-8', content };
}

function send(reply: FastifyReply, { type, content }: PageFile): FastifyReply {
  return own(reply)
    .headers({
      'content-security-policy': POLICY,
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    })
    .type(type)
    .send(content);
}

/** Asked for again each time: after an update an old script beside a new page would not fit. */
function own(reply: FastifyReply): FastifyReply {
  return reply.headers({
    'x-request-id': newId('request'),
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
  });
}
