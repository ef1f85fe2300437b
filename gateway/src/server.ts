/** The HTTP face: routes, what they share, and the socket on which nodes connect. Knows no step's inside. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  ApiError,
  errorEnvelope,
  MAX_FRAME_BYTES,
  NODE_CONNECT_PATH,
  NODE_SUBPROTOCOL,
  newId,
  TASK_ROUTES,
} from '@zerogpu/protocol';
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RouteOptions,
} from 'fastify';
import { WebSocketServer } from 'ws';
import { type AdminServices, addAdminRoutes } from './admin/admin-routes.ts';
import { addCallerRoutes } from './api/caller-routes.ts';
import { chatEndpoint } from './api/chat.ts';
import { embeddingsEndpoint } from './api/embeddings.ts';
import { type Availability, listModels, retrieveModel } from './api/models.ts';
import { moderationsEndpoint } from './api/moderations.ts';
import { Reply, toApiError } from './api/respond.ts';
import { responsesEndpoint } from './api/responses.ts';
import type { Endpoint } from './api/shape.ts';
import { glinerEndpoint, iabEndpoint, summaryEndpoint } from './api/tasks.ts';
import { authenticate } from './auth/authenticate.ts';
import type { CallerRoute } from './caller-route.ts';
import type { Caller, Reach } from './flow.ts';
import { checkHealth, type HealthServices } from './health.ts';
import type { Metrics } from './metrics.ts';
import { addModelFiles, type ModelFileServices } from './model-files/model-file-routes.ts';
import type { NodeRegistry } from './nodes/registry.ts';
import { addNodePages, type NodePages } from './pages/node-pages.ts';
import { addPages } from './pages/pages.ts';
import { type PeerAddress, peerAddresses } from './peer-address.ts';
import type { InternalCalls } from './remote-fleet/internal-calls.ts';
import { type WayServices, walk } from './way.ts';

export interface ServerServices extends WayServices {
  readonly admin: AdminServices;
  /** Of files and batches. */
  readonly callerRoutes: readonly CallerRoute[];
  readonly registry: NodeRegistry;
  /** Takes what workers beside this gateway ask of it, and nothing else. */
  readonly internal: Pick<InternalCalls, 'take'>;
  available(reach: Reach): Availability;
  readonly health: HealthServices;
  readonly metrics: Metrics;
  /** Asked for when somebody reads it: making it takes 50 ms of a start, and hardly anybody does. */
  openapi(): object;
  /** What other devices get from here. */
  readonly modelFiles: ModelFileServices;
  readonly nodePages: NodePages;
  /** Inference requests under way; the server keeps it. */
  readonly inFlight: { count: number };
  /** More at once are refused at the door, before they can take memory. */
  readonly maxInFlight: number;
  /** Addresses and networks whose `x-forwarded-for` is believed. */
  readonly trustedProxies: readonly string[];
}

/** Of slow callers: for the headers, and for what is left of a body whose request was answered before its end. */
const REQUEST_GRACE_MS = 30_000;
/** Longer than the idle timeouts of common proxies, so that the proxy closes first and no request meets a closed socket. */
const KEEP_ALIVE_MS = 65_000;
/** A node that was told goodbye and does not hang up keeps its socket so long: ws would wait 30 s, and a gateway that stops with it. */
const GOODBYE_MS = 5_000;
const OVERLOADED = 'This gateway has as many requests under way as it takes; try again in a moment';
const ENDPOINTS: readonly Endpoint[] = [
  responsesEndpoint,
  chatEndpoint,
  embeddingsEndpoint,
  moderationsEndpoint,
  summaryEndpoint,
  iabEndpoint,
  glinerEndpoint,
];
/** The tasks' own routes answer without `/v1` too, as clients of the older kind call them. */
const BARE_PATHS: ReadonlySet<string> = new Set(TASK_ROUTES.map((route) => `/${route}`));

export function makeServer(services: ServerServices): FastifyInstance {
  const app = Fastify({
    logger: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // A large upload takes its time: whoever reads a body bounds it, and the rest of one is bounded below.
    requestTimeout: 0,
    // Bodies are read by the way itself, after authentication.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    // Missing ones are refused below, in the form of every other answer.
    http: { requireHostHeader: false, headersTimeout: REQUEST_GRACE_MS },
    trustProxy: services.trustedProxies.length > 0 ? [...services.trustedProxies] : false,
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors: (error, request, reply) => sendError(services, request, reply, badRequest(error)),
    clientErrorHandler: answerBrokenRequest,
  });
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.setErrorHandler((error, request, reply) => sendError(services, request, reply, error));
  app.addHook('onRequest', (request, reply, next) => {
    boundRest(request.raw, reply.raw);
    boundReading(reply.raw, services.bodyTimeoutMs);
    if (services.internal.take(request.raw, reply.raw)) return void reply.hijack();
    const error = refusalOf(routes, request, reply);
    if (request.method === 'OPTIONS' && isApi(request)) preflight(reply);
    else if (error) sendError(services, request, reply, error);
    else next();
  });
  // What a caller expects and we do not know is not there, as for any other header; the default is a bare 417.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  inferenceRoutes(app, services);
  modelRoutes(app, services);
  addCallerRoutes(app, services.callerRoutes, {
    ...services,
    authenticate: (headers, now) => authenticate(services.keys, headers, now),
  });
  addAdminRoutes(app, services.admin);
  operatorRoutes(app, services);
  addPages(app);
  addModelFiles(app, services.modelFiles);
  addNodePages(app, services.nodePages);
  nodeSocket(app, services.registry, peerAddresses(services.trustedProxies));
  return app;
}

/** An answered request must not keep its connection by a body that never ends. */
function boundRest(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete) return;
    const { socket } = request;
    const timer = setTimeout(() => socket.destroy(), REQUEST_GRACE_MS);
    const over = () => {
      clearTimeout(timer);
      socket.off('close', over);
    };
    request.once('close', over);
    // A request that was answered is not told when its connection ends.
    socket.once('close', over);
  });
}

/** Who reads nothing of an answer for so long must not keep it in memory. Waiting for a model is nobody's fault. */
function boundReading(response: ServerResponse, stalledMs: number): void {
  response.setTimeout(stalledMs, () => {
    if (response.writableLength > 0) response.destroy();
    else response.socket?.setTimeout(stalledMs);
  });
}

function inferenceRoutes(app: FastifyInstance, services: ServerServices): void {
  for (const endpoint of ENDPOINTS) {
    // Taken over before the framework looks at the content type: what a body may be is for the step that reads it.
    const onRequest = (request: FastifyRequest, reply: FastifyReply) => {
      reply.hijack();
      void handle(endpoint, request.raw, reply.raw, services);
    };
    app.post(`/v1/${endpoint.route}`, { onRequest }, () => undefined);
    const bare = `/${endpoint.route}`;
    if (BARE_PATHS.has(bare)) app.post(bare, { onRequest }, () => undefined);
  }
}

async function handle(
  endpoint: Endpoint,
  body: IncomingMessage,
  response: ServerResponse,
  services: ServerServices,
): Promise<void> {
  // The log finds requests by the time within their id.
  const startedAt = services.now();
  const requestId = newId('request', startedAt);
  const reply = new Reply(response, requestId);
  if (services.inFlight.count >= services.maxInFlight) {
    reply.error(new ApiError('no_capacity', { message: OVERLOADED, retryAfterSeconds: 1 }));
    return;
  }
  const hangup = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) hangup.abort(new ApiError('client_closed_request'));
  });
  services.inFlight.count++;
  const { headers } = body;
  try {
    const address = body.socket.remoteAddress ?? null;
    const origin = { kind: 'http', headers, body, address } as const;
    const call = { endpoint, requestId, startedAt, origin, reply };
    await walk({ ...call, hangup: hangup.signal }, services);
  } catch (error) {
    services.report(requestId, error);
    response.destroy();
  } finally {
    services.inFlight.count--;
  }
}

function modelRoutes(app: FastifyInstance, services: ServerServices): void {
  app.get('/v1/models', (request, reply) =>
    withCaller(services, request, reply, (caller) =>
      listModels(services.available(caller), caller.allowedModels),
    ),
  );
  app.get<{ Params: { '*': string } }>('/v1/models/*', (request, reply) =>
    withCaller(services, request, reply, (caller) =>
      retrieveModel(services.available(caller), caller.allowedModels, request.params['*']),
    ),
  );
}

/** A route that only needs to know whose key it is. */
async function withCaller(
  services: ServerServices,
  request: FastifyRequest,
  reply: FastifyReply,
  answer: (caller: Caller) => object,
): Promise<void> {
  reply.hijack();
  const requestId = newId('request');
  const own = new Reply(reply.raw, requestId);
  try {
    own.json(200, answer(await authenticate(services.keys, request.headers, services.now())));
  } catch (thrown) {
    const error = toApiError(thrown);
    if (error.code === 'internal_error') services.report(requestId, error.cause);
    own.error(error);
  }
}

function operatorRoutes(app: FastifyInstance, services: ServerServices): void {
  app.get('/health', async (_request, reply) => {
    const health = await checkHealth(services.health);
    return reply
      .code(health.status === 'down' ? 503 : 200)
      .headers(ownHeaders())
      .send(health);
  });
  app.get('/health/live', (_request, reply) => reply.headers(ownHeaders()).send({ status: 'ok' }));
  app.get('/health/ready', async (_request, reply) => {
    const { components } = await checkHealth(services.health);
    const ready = components.database.status === 'ok';
    return reply
      .code(ready ? 200 : 503)
      .headers(ownHeaders())
      .send({ status: ready ? 'ok' : 'down' });
  });
  app.get('/metrics', async (_request, reply) =>
    reply
      .headers(ownHeaders())
      .type(services.metrics.contentType)
      .send(await services.metrics.text()),
  );
  // Anybody may ask for it: its text is made once.
  let openapi: string | undefined;
  app.get('/openapi.json', (_request, reply) => {
    openapi ??= JSON.stringify(services.openapi());
    return reply.headers(ownHeaders()).type('application/json; charset=utf-8').send(openapi);
  });
}

/** By itself: a function made where the request is known would keep that, too, as long as the socket lives. */
function destroyOnError(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
}

function nodeSocket(app: FastifyInstance, registry: NodeRegistry, addressOf: PeerAddress): void {
  const options = {
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    // The connection answers them: as many as the node reads, and no more.
    autoPong: false,
    closeTimeout: GOODBYE_MS,
    handleProtocols: (protocols: ReadonlySet<string>) =>
      protocols.has(NODE_SUBPROTOCOL) ? NODE_SUBPROTOCOL : false,
  } as const;
  const sockets = new WebSocketServer(options);
  sockets.on('wsClientError', ({ message }, socket) =>
    answerOnSocket(socket, '400 Bad Request', new ApiError('invalid_value', { message })),
  );
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // From here on the socket is nobody else's: without a listener its error would end the process.
    destroyOnError(socket);
    const path = request.url?.split('?', 1)[0];
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
    if (path !== NODE_CONNECT_PATH) return answerOnSocket(socket, '404 Not Found', NO_SOCKET_HERE);
    if (!offered.includes(NODE_SUBPROTOCOL)) return answerOnSocket(socket, '426 Upgrade Required', NOT_OURS);
    const forwardedFor = [request.headers['x-forwarded-for'] ?? ''].flat().join(',');
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      registry.connect(webSocket, addressOf(request.socket.remoteAddress, forwardedFor), socket),
    );
  });
}

function preflight(reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .headers({
      ...ownHeaders(),
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
      'access-control-allow-headers': '*, authorization',
      'access-control-max-age': '86400',
    })
    .send();
}

function ownHeaders(): Record<string, string> {
  return { 'x-request-id': newId('request') };
}

function isApi(request: FastifyRequest): boolean {
  return request.url.startsWith('/v1/') || BARE_PATHS.has(request.url.split('?', 1)[0]!);
}

function sendError(
  services: ServerServices,
  request: FastifyRequest,
  reply: FastifyReply,
  thrown: unknown,
): void {
  reply.hijack();
  const requestId = newId('request');
  const error = toApiError(thrown);
  if (error.code === 'internal_error') services.report(requestId, error.cause);
  new Reply(reply.raw, requestId, isApi(request)).error(error);
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** What no route can answer, or null. Before any body is looked at, because none of it will be read. */
function refusalOf(
  routes: readonly RouteOptions[],
  request: FastifyRequest,
  reply: FastifyReply,
): ApiError | null {
  if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) return NO_HOST;
  return request.is404 ? notFound(routes, request, reply) : null;
}

/** Compared as text: the framework's own look-up takes an address for a pattern, and throws at some. */
function notFound(routes: readonly RouteOptions[], request: FastifyRequest, reply: FastifyReply): ApiError {
  const path = request.url.split('?', 1)[0]!;
  const here = routes.filter(({ url }) => isAt(url, path));
  const methods = METHODS.filter((method) => here.some((route) => [route.method].flat().includes(method)));
  if (methods.length > 0) {
    reply.raw.setHeader('allow', methods.join(', '));
    return new ApiError('method_not_allowed', {
      message: `${request.method} is not allowed here; use ${methods.join(' or ')}`,
    });
  }
  return new ApiError('not_found', {
    message: `There is nothing at ${request.method} ${path.slice(0, 200)}`,
  });
}

/** `/v1/models/*` is at every address below it, `/api/projects/:projectId` at those with something for the name. */
function isAt(url: string, path: string): boolean {
  if (url.endsWith('/*')) return path.startsWith(url.slice(0, -1));
  if (!url.includes('/:')) return url === path;
  const parts = path.split('/');
  const pattern = url.split('/');
  return (
    parts.length === pattern.length &&
    pattern.every((part, i) => (part.startsWith(':') ? parts[i] !== '' : part === parts[i]))
  );
}

/** What the framework refuses before a route is found: an address that is no address. */
function badRequest(cause: Error): ApiError {
  return new ApiError('not_found', { message: 'The address cannot be read', cause });
}

/** A request that is no HTTP: the parser gave up, there is only a socket left to answer on. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = BROKEN_REQUESTS[error.code ?? ''] ?? { line: '400 Bad Request', error: NOT_HTTP };
  answerOnSocket(socket, refusal.line, refusal.error);
}

/** An answer without a response to write it to: the server gave the socket away, or never made a request of it. */
function answerOnSocket(socket: Duplex, line: string, error: ApiError): void {
  const body = JSON.stringify(errorEnvelope(error));
  const head = [
    `HTTP/1.1 ${line}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${newId('request')}`,
    'connection: close',
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const NO_HOST = new ApiError('invalid_value', { message: 'The request has no host header' });
const NO_SOCKET_HERE = new ApiError('not_found', { message: 'There is no WebSocket at this address' });
const NOT_OURS = new ApiError('invalid_value', {
  message: `The WebSocket must speak the subprotocol ${NODE_SUBPROTOCOL}`,
});
const NOT_HTTP = new ApiError('invalid_value', { message: 'This is not a valid HTTP request' });

const BROKEN_REQUESTS: Record<string, { readonly line: string; readonly error: ApiError }> = {
  ERR_HTTP_REQUEST_TIMEOUT: { line: '408 Request Timeout', error: new ApiError('request_timeout') },
  HPE_HEADER_OVERFLOW: {
    line: '431 Request Header Fields Too Large',
    error: new ApiError('invalid_value', { message: 'The headers are larger than 16 KB' }),
  },
};
