/** `/node` and what lies below it: how another device joins, and what it needs for that. */
import { ApiError, newId } from '@zerogpu/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { NodeSoftware, SoftwareFile } from './node-software.ts';

export interface NodePages {
  readonly software: NodeSoftware;
  /** Where people reach this server; null when only the caller knows. */
  readonly publicUrl: string | null;
}

const PAGE = 'page.html';
const PACKAGE = 'zerogpu.tgz';

/** The page and its workers run files of this server alone, and ask only it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "manifest-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  // By which the page names its worker, and nothing else.
  'trusted-types zerogpu-node',
].join('; ');

/** A first build takes a second or two. */
const RETRY_SECONDS = 5;
const NOT_YET = new ApiError('no_capacity', {
  message:
    'The software for other devices is not made yet. `npm start` makes it in its first seconds and says so when it cannot; ' +
    '`npm run build:node` makes it by hand',
  retryAfterSeconds: RETRY_SECONDS,
});

export function addNodePages(app: FastifyInstance, { software, publicUrl }: NodePages): void {
  app.get('/node', async (request, reply) => {
    if (!/\btext\/html\b/i.test(request.headers.accept ?? '')) {
      const build = await software.file(PACKAGE);
      return common(reply, 'no-store')
        .type('text/plain; charset=utf-8')
        .send(howToJoin(publicUrl ?? addressOf(request), build));
    }
    return send(request, reply, await softwareFile(software, PAGE));
  });
  app.get<{ Params: { file: string } }>('/node/:file', async (request, reply) => {
    const { file } = request.params;
    // The page is at one address.
    return send(request, reply, await softwareFile(software, file === PAGE ? '' : file));
  });
}

async function softwareFile(software: NodeSoftware, name: string): Promise<SoftwareFile> {
  const file = await software.file(name);
  if (file !== undefined) return file;
  if (!(await software.isThere())) throw NOT_YET;
  throw new ApiError('not_found', {
    message: `There is no file "${name.slice(0, 100)}" for other devices; GET /node says what to do`,
  });
}

function send(request: FastifyRequest, reply: FastifyReply, file: SoftwareFile): FastifyReply {
  const tag = `"${file.sha256}"`;
  // Asked for again each time: an old worker beside a new page would not fit, and an old command not the gateway.
  common(reply, 'no-cache').headers({
    etag: tag,
    'repr-digest': `sha-256=:${Buffer.from(file.sha256, 'hex').toString('base64')}:`,
    'content-security-policy': POLICY,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    // The page is at /node, above the folder that its service worker comes from; relative to that, for proxies that serve us
    // below a folder of theirs.
    'service-worker-allowed': '../node',
  });
  if (request.headers['if-none-match']?.includes(tag)) return reply.code(304).send();
  return reply.type(file.type).send(file.content);
}

function common(reply: FastifyReply, caching: string): FastifyReply {
  return reply.headers({
    'x-request-id': newId('request'),
    'cache-control': caching,
    vary: 'accept',
    'x-content-type-options': 'nosniff',
  });
}

/** As the caller reached us. A host that is none, which nobody can be sent to, is our own; people paste it into a shell. */
function addressOf({ protocol, host }: FastifyRequest): string {
  const isHost = /^[\w.-]+(?::\d+)?$|^\[[\da-f:.]+\](?::\d+)?$/i.test(host);
  // A proxy may pass on whatever stood in `x-forwarded-proto`.
  return isHost ? `${protocol === 'https' ? 'https' : 'http'}://${host}` : 'http://127.0.0.1:8080';
}

const HERE_ONLY = /^https?:\/\/(?:127\.|localhost\b|\[::1\])/;

/** For who asks without a browser. `build` makes npx take a new version, which keeps what it had under an old address. */
export function howToJoin(address: string, build: SoftwareFile | undefined): string {
  const url = address.replace(/\/+$/, '');
  const from = `${url}/node/${PACKAGE}${build === undefined ? '' : `?${build.sha256.slice(0, 8)}`}`;
  return [
    'Join this device, with Node 20 or newer:',
    '',
    `  npx --yes '${from}' node join ${url} TOKEN`,
    '',
    'or keep the command, to run it as a service too:',
    '',
    `  npm install --global '${from}'`,
    `  zerogpu node join ${url} TOKEN`,
    `  zerogpu node install`,
    '',
    `or in a browser:  ${url}/node?token=TOKEN`,
    '',
    'TOKEN is a join token: the operator has one in the file node-token of the data directory.',
    ...(HERE_ONLY.test(url)
      ? ['This address is good on this machine only; for other devices start the gateway with HOST=0.0.0.0.']
      : []),
    ...(build === undefined ? ['The software is not made yet; it will be there in a moment.'] : []),
    '',
  ].join('\n');
}
