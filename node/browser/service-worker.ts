/**
 * Lets the page open without a connection: its own files, the newest that there were. Nothing else is kept or looked at.
 * Registered only where the page came with TLS, or from this very machine.
 */

/** What a service worker has, as far as it is used here; the DOM's types know only windows. */
interface ServiceWorkerScope {
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}

interface LivingEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface AskedEvent extends LivingEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

const CACHE = 'zerogpu-node-page';
const OWN_FILES = /\/node(?:\/[\w.-]+\.(?:js|css|svg|png|webmanifest))?$/;

function install(scope: ServiceWorkerScope): void {
  on<LivingEvent>('install', (event) => event.waitUntil(scope.skipWaiting()));
  on<LivingEvent>('activate', (event) => event.waitUntil(scope.clients.claim()));
  on<AskedEvent>('fetch', (event) => {
    const { method, url } = event.request;
    if (method === 'GET' && isOwn(url)) event.respondWith(freshOrKept(event));
  });
}

/** The network's answer, which is kept; what was kept when there is none. */
async function freshOrKept(event: AskedEvent): Promise<Response> {
  const key = withoutQuery(event.request.url);
  try {
    const answer = await fetch(event.request);
    if (answer.ok) event.waitUntil(keep(key, answer.clone()));
    return answer;
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(key);
    if (kept) return kept;
    throw error;
  }
}

async function keep(key: string, answer: Response): Promise<void> {
  await (await caches.open(CACHE)).put(key, answer);
}

/** A join token stands in the query, and is kept nowhere. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function isOwn(url: string): boolean {
  const { origin, pathname } = new URL(url);
  return origin === location.origin && OWN_FILES.test(pathname);
}

function on<E extends Event>(type: string, act: (event: E) => void): void {
  addEventListener(type, (event) => act(event as E));
}

install(globalThis as unknown as ServiceWorkerScope);
