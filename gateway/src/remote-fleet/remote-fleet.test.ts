import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { findManifest } from '@zerogpu/catalogue';
import { ApiError, type ErrorCode } from '@zerogpu/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type NodeView, type Reach, type RouteTaken, type TargetAnswer, TargetFailure } from '../flow.ts';
import { dispatch } from '../nodes/dispatch.ts';
import { Hedging } from '../nodes/hedging.ts';
import { targetsFor } from '../router/targets.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { inference } from '../testing/connected-nodes.ts';
import { factsOf } from '../testing/facts.ts';
import { openServer } from '../testing/open-server.ts';
import { CHAT, listen, SUMMARY } from '../testing/scripted-node.ts';
import { fleetState } from './fleet-state.ts';
import type { GatewayAddress } from './gateway-directory.ts';
import { InternalCalls, type InternalServices } from './internal-calls.ts';
import { MAX_RUN_BYTES } from './messages.ts';
import { PROOF_HEADER, proveAnswer, proveCall } from './proof.ts';
import { RemoteFleet } from './remote-fleet.ts';
import { RemoteGateway } from './remote-gateway.ts';

const never = new AbortController().signal;
const secrets = new Secrets('a secret of the tests, long enough');
const others = new Secrets('another secret, long enough as well');
const seal = (words: string) => secrets.seal(words);

const GIVEN: TargetAnswer = {
  text: 'The sky is blue.',
  reasoning: null,
  toolCalls: [],
  finishReason: 'stop',
  usage: null,
  queueMs: 3,
  modelMs: 4,
};
const ROUTE: RouteTaken = {
  kind: 'node',
  target: 'node_1',
  class: 'own',
  deviceClass: 'server',
  region: 'DE',
  attempts: 2,
  fallback: false,
  hedged: false,
  why: '[]',
  queueMs: 3,
  networkMs: 1,
  modelMs: 4,
};
const REACH: Reach = { organizationId: 'org_1', privacy: 'own', upstreams: false };
const VIEW: NodeView = {
  ...factsOf('node_1'),
  slots: 16,
  inFlight: 1,
  batchRoom: 11,
  resident: true,
  serviceMs: 2,
  failures: 0,
  rttMs: 1,
};

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A whole server with the internal interface, whose runs a test scripts. */
async function openGateway(changes: Partial<InternalServices> = {}) {
  const runs: (Parameters<InternalServices['run']>[0] & { readonly hangup: AbortSignal })[] = [];
  const script: { run: InternalServices['run'] } = { run: async () => ({ given: GIVEN, route: ROUTE }) };
  const here = { models: [SUMMARY, CHAT], views: [VIEW] as NodeView[], upstream: false, untrusted: false };
  const internal = new InternalCalls({
    seal,
    fleet: () =>
      fleetState({
        models: here.models,
        views: (model) => (model === SUMMARY ? here.views : []),
        hasUpstream: (_model, trusted) => (trusted ? here.upstream : here.untrusted),
      }),
    run: (asked, hangup) => {
      runs.push({ ...asked, hangup });
      return script.run(asked, hangup);
    },
    now: Date.now,
    ...changes,
  });
  const server = await openServer({ internal });
  closing.push(() => server.close());
  return { url: server.url, runs, script, here, close: () => server.close() };
}

function remote(url: string, by = seal): RemoteGateway {
  const gateway = new RemoteGateway({ id: url, url }, { seal: by, now: Date.now });
  closing.push(() => gateway.close());
  return gateway;
}

const run = (gateway: RemoteGateway, asked = inference(), signal = never) =>
  gateway.targetFor(REACH).run(asked, Date.now() + 60_000, null, signal, 'batch');

describe('the internal interface', () => {
  let gateway: Awaited<ReturnType<typeof openGateway>>;
  beforeEach(async () => {
    gateway = await openGateway();
  });

  /** Everything that comes back, but for what differs from any answer to the next. */
  async function said(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
    const init = { method, headers: { 'content-type': 'application/json', ...headers } };
    const response = await fetch(gateway.url + path, body === undefined ? init : { ...init, body });
    const told = [...response.headers].filter(([name]) => name !== 'x-request-id' && name !== 'date');
    const words = (await response.text()).replaceAll(path, 'PATH');
    return { status: response.status, told: told.filter(([name]) => name !== 'content-length'), words };
  }

  const body = JSON.stringify({ deadlineMs: 1000, inference: inference() });
  const prove = (method: string, path: string, by = seal, at = Date.now()) => ({
    [PROOF_HEADER]: proveCall(by, { method, path }, method === 'POST' ? body : '', at),
  });

  test.each([
    ['nobody', () => ({})],
    ['somebody with another secret', (m: string, p: string) => prove(m, p, (words) => others.seal(words))],
    ['a proof of long ago', (m: string, p: string) => prove(m, p, seal, Date.now() - 301_000)],
    ['a proof from the future', (m: string, p: string) => prove(m, p, seal, Date.now() + 301_000)],
    ['a proof of another call', () => prove('PUT', '/internal/fleet')],
    ['what is no proof', () => ({ [PROOF_HEADER]: `${Date.now()}.x.y` })],
  ])('is nothing at all to %s', async (_who, headers: (method: string, path: string) => object) => {
    const calls = [
      ['GET', '/internal/fleet'],
      ['POST', '/internal/fleet'],
      ['POST', '/internal/runs'],
      ['GET', '/internal/runs'],
      ['OPTIONS', '/internal/runs'],
      ['PUT', '/internal/runs'],
      ['GET', '/internal/'],
    ] as const;
    for (const [method, path] of calls) {
      const sent = method === 'POST' ? body : undefined;
      const there = await said(method, path, { ...headers(method, path) }, sent);
      const nowhere = await said(method, '/nothing/is/here', {}, sent);
      expect([method, path, there]).toEqual([method, path, nowhere]);
      expect(there.status).toBe(404);
    }
    expect(gateway.runs).toEqual([]);
  });

  test('tells those who know the secret what it can run', async () => {
    const response = await fetch(`${gateway.url}/internal/fleet`, {
      headers: prove('GET', '/internal/fleet'),
    });
    const { slots, inFlight, batchRoom, resident, serviceMs } = VIEW;
    const state = {
      id: SUMMARY,
      nodes: 1,
      slots,
      inFlight,
      batchRoom,
      resident,
      serviceMs,
      upstream: false,
      untrusted: false,
    };
    expect(await response.json()).toEqual({ models: [state] });
  });

  test('runs what a worker asks, within its deadline, and says who answered', async () => {
    const asked = inference({ text: 'x', stream: true });
    const before = Date.now();
    expect(await run(remote(gateway.url), asked)).toEqual({ ...GIVEN, beyond: ROUTE });
    expect(gateway.runs[0]?.inference).toEqual({ ...asked, stream: false });
    expect(gateway.runs[0]?.deadline).toBeGreaterThanOrEqual(before);
    expect(gateway.runs[0]?.deadline).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  test.each([
    ['invalid_value', 'input'],
    ['request_too_large', 'too_large'],
    ['no_capacity', 'busy'],
    ['model_unavailable', 'unavailable'],
    ['internal_error', 'internal'],
    ['idempotency_conflict', 'internal'],
  ] as const)('a run that ends with %s has failed as %s', async (code: ErrorCode, kind) => {
    gateway.script.run = async () => {
      throw new ApiError(code, { message: 'as told', param: 'input' });
    };
    const error = await run(remote(gateway.url)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TargetFailure);
    expect(error).toMatchObject({ kind, message: 'as told', param: 'input' });
  });

  test('a run past its deadline ends as that, and an unknown error says nothing of itself', async () => {
    gateway.script.run = async () => {
      throw new ApiError('upstream_timeout');
    };
    await expect(run(remote(gateway.url))).rejects.toMatchObject({ code: 'upstream_timeout' });
    gateway.script.run = async () => {
      throw new Error('a secret');
    };
    await expect(run(remote(gateway.url))).rejects.toMatchObject({
      kind: 'internal',
      message: 'The gateway failed',
    });
  });

  test('a model that it does not know it does not have', async () => {
    const asked = run(remote(gateway.url), inference({ model: 'of a later version' }));
    await expect(asked).rejects.toMatchObject({ kind: 'unavailable' });
    expect(gateway.runs).toEqual([]);
  });

  test('another body than the one that was signed is not run', async () => {
    const sent = fetch(`${gateway.url}/internal/runs`, {
      method: 'POST',
      headers: prove('POST', '/internal/runs'),
      body: body.replace('blue', 'grey'),
    });
    await expect(sent).rejects.toThrow();
    expect(gateway.runs).toEqual([]);
  });

  test.each(['{', 'null', '{}', '{"deadlineMs":-1}'])('what is no run is none: %s', async (sent) => {
    const proof = proveCall(seal, { method: 'POST', path: '/internal/runs' }, sent, Date.now());
    const init = { method: 'POST', headers: { [PROOF_HEADER]: proof }, body: sent };
    const response = await fetch(`${gateway.url}/internal/runs`, init);
    expect(await response.json()).toMatchObject({ kind: 'failed', failure: 'busy' });
    expect(gateway.runs).toEqual([]);
  });

  test('a run that does not say whom its texts may reach, of an older worker, goes nowhere and costs no attempt', async () => {
    const { organizationId, privacy } = REACH;
    const whole = { deadlineMs: 1000, inference: inference(), tokens: 1, reach: REACH };
    const ask = async (changes: object) => {
      const sent = JSON.stringify({ ...whole, ...changes });
      const proof = proveCall(seal, { method: 'POST', path: '/internal/runs' }, sent, Date.now());
      const init = { method: 'POST', headers: { [PROOF_HEADER]: proof }, body: sent };
      return (await fetch(`${gateway.url}/internal/runs`, init)).json();
    };
    const reaches = [undefined, {}, { organizationId, privacy }, { ...REACH, privacy: 'of a later version' }];
    for (const reach of reaches) {
      expect(await ask({ reach })).toMatchObject({ kind: 'failed', failure: 'busy' });
    }
    expect(gateway.runs).toEqual([]);
    expect(await ask({})).toMatchObject({ kind: 'answered' });
    // What a later version says besides is none of ours.
    expect(await ask({ later: true, reach: { ...REACH, later: true } })).toMatchObject({ kind: 'answered' });
  });

  test('too much is refused by the worker, and broken off by the gateway', async () => {
    const huge = inference({ text: 'x'.repeat(MAX_RUN_BYTES) });
    await expect(run(remote(gateway.url), huge)).rejects.toMatchObject({ kind: 'too_large' });
    const sent = JSON.stringify({ deadlineMs: 1, inference: huge });
    const proof = proveCall(seal, { method: 'POST', path: '/internal/runs' }, sent, Date.now());
    const init = { method: 'POST', headers: { [PROOF_HEADER]: proof }, body: sent };
    await expect(fetch(`${gateway.url}/internal/runs`, init)).rejects.toThrow();
    expect(gateway.runs).toEqual([]);
  });

  test('a worker that hangs up ends its run', async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    gateway.script.run = (_asked, hangup) => {
      begun.resolve(hangup);
      return new Promise((_resolve, reject) => {
        hangup.addEventListener('abort', () => reject(hangup.reason));
      });
    };
    const abort = new AbortController();
    const answer = run(remote(gateway.url), inference(), abort.signal);
    const hangup = await begun.promise;
    const ended = new Promise((resolve) => hangup.addEventListener('abort', resolve));
    abort.abort(new ApiError('upstream_timeout'));
    await expect(answer).rejects.toMatchObject({ code: 'upstream_timeout' });
    await ended;
    expect(hangup.reason).toMatchObject({ code: 'client_closed_request' });
  });

  test('takes so many runs and no more', async () => {
    const open = Promise.withResolvers<void>();
    gateway.script.run = async () => {
      await open.promise;
      return { given: GIVEN, route: ROUTE };
    };
    const worker = [remote(gateway.url), remote(gateway.url), remote(gateway.url), remote(gateway.url)];
    const answers = worker.flatMap((one) => Array.from({ length: 256 }, () => run(one)));
    while (gateway.runs.length < 1024) await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(run(remote(gateway.url))).rejects.toMatchObject({ kind: 'busy' });
    open.resolve();
    expect(new Set((await Promise.all(answers)).map(({ text: answer }) => answer))).toEqual(
      new Set([GIVEN.text]),
    );
    expect(await run(remote(gateway.url))).toMatchObject({ text: GIVEN.text });
  });
});

describe('a gateway, as a worker sees it', () => {
  /** Whatever stands at an address. */
  async function imposter(answer: (request: IncomingMessage, response: ServerResponse) => void) {
    const server: Server = createServer(answer);
    const url = `http://${await listen(server)}`;
    closing.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    return { url, server };
  }

  test('that dies in the middle has lost the run; one that is not there is busy, for nothing ran', async () => {
    const { url, server } = await imposter((request) => request.socket.destroy());
    await expect(run(remote(url))).rejects.toMatchObject({ kind: 'lost' });
    await new Promise((resolve) => server.close(resolve));
    await expect(run(remote(url))).rejects.toMatchObject({ kind: 'busy' });
  });

  test('must know the secret, too: an answer that it did not sign is none', async () => {
    const right = await openGateway();
    const recorded = { body: '', proof: '' };
    // Gives a true answer to another call again.
    const { url } = await imposter(async (request, response) => {
      await text(request);
      response.writeHead(200, { [PROOF_HEADER]: recorded.proof });
      response.end(recorded.body);
    });
    const proof = proveCall(seal, { method: 'GET', path: '/internal/fleet' }, '', Date.now() - 1);
    const answer = await fetch(`${right.url}/internal/fleet`, { headers: { [PROOF_HEADER]: proof } });
    recorded.proof = answer.headers.get(PROOF_HEADER) ?? '';
    recorded.body = await answer.text();
    const false_ = remote(url);
    await expect(false_.look()).rejects.toMatchObject({ kind: 'lost' });
    await expect(run(false_)).rejects.toMatchObject({ kind: 'lost' });
    expect(false_.present).toBe(false);
    const wrongSecret = remote(right.url, (words) => others.seal(words));
    await expect(wrongSecret.look()).rejects.toMatchObject({ kind: 'busy' });
    await expect(run(wrongSecret)).rejects.toMatchObject({ kind: 'busy' });
  });

  test('of another version is away, and what it says of a run is no attempt', async () => {
    const { class: _unknown, ...route } = ROUTE;
    const said: Record<string, object> = {
      '/internal/fleet': { models: [{ ...VIEW, id: SUMMARY, nodes: 1, upstream: false }] },
      '/internal/runs': { kind: 'answered', given: GIVEN, route },
    };
    const { url } = await imposter((request, response) => {
      const proof = String(request.headers[PROOF_HEADER]);
      const body = JSON.stringify(said[request.url ?? '']);
      response.writeHead(200, { [PROOF_HEADER]: proveAnswer(seal, proof, body) }).end(body);
    });
    const older = remote(url);
    await expect(older.look()).rejects.toThrow('of another version');
    expect(older.present).toBe(false);
    await expect(run(older)).rejects.toMatchObject({ kind: 'busy' });
  });

  test('counts what went there since it was seen', async () => {
    const gateway = await openGateway();
    const one = remote(gateway.url);
    await one.look();
    const open = Promise.withResolvers<void>();
    gateway.script.run = async () => {
      await open.promise;
      return { given: GIVEN, route: ROUTE };
    };
    const answers = [run(one), run(one)];
    expect(one.state(SUMMARY)?.batchRoom).toBe(9);
    open.resolve();
    await Promise.all(answers);
    expect(one.state(SUMMARY)?.batchRoom).toBe(11);
    expect(one.state(CHAT)).toBeNull();
  });
});

describe('RemoteFleet', () => {
  function fleetOf(...found: GatewayAddress[]) {
    const fleet = new RemoteFleet({ seal, now: Date.now, log: silentLog, find: async () => found });
    closing.push(() => fleet.close());
    return { fleet, found };
  }
  const at = ({ url }: { url: string }): GatewayAddress => ({ id: `at ${url}`, url });

  function ask(fleet: RemoteFleet, asked = inference(), reach = REACH) {
    const manifest = findManifest(asked.model);
    if (!manifest) throw new Error('no such model');
    const tier = 'batch';
    const services = {
      fleet,
      upstreams: (model: string) => fleet.upstreams(model, reach),
      now: Date.now,
      random: () => 0.5,
      hedging: new Hedging(),
    };
    const asking = { inference: asked, manifest, tier, tokens: 4, place: null, reach } as const;
    const admission = {
      manifest,
      tier,
      inference: asked,
      deadline: Date.now() + 60_000,
      inputTokens: 4,
    } as const;
    return dispatch(targetsFor(asking, services), admission, null, never, services);
  }

  test('a run goes to a gateway that has the model, and the log is told which node answered', async () => {
    const [one, two] = [await openGateway(), await openGateway()];
    two.here.models = [CHAT];
    const { fleet } = fleetOf(at(one), at(two));
    await fleet.look();
    const { given, route } = await ask(fleet);
    expect(given.text).toBe(GIVEN.text);
    expect(route).toMatchObject({ kind: 'node', target: 'node_1', class: 'own', region: 'DE', attempts: 2 });
    expect([one.runs.length, two.runs.length]).toEqual([1, 0]);
  });

  test('what one gateway loses, the other runs', async () => {
    const [one, two] = [await openGateway(), await openGateway()];
    // So much slower that no measured way to the first one makes the second the better choice.
    two.here.views = [{ ...VIEW, serviceMs: 5_000 }];
    one.script.run = async () => {
      throw new ApiError('model_unavailable');
    };
    const { fleet } = fleetOf(at(one), at(two));
    await fleet.look();
    expect((await ask(fleet)).route).toMatchObject({ target: 'node_1', attempts: 3 });
    expect([one.runs.length, two.runs.length]).toEqual([1, 1]);
  });

  test('upstreams of a gateway without nodes are asked last, and not for several texts', async () => {
    const one = await openGateway();
    one.here.views = [];
    one.here.upstream = true;
    const { fleet } = fleetOf(at(one));
    await fleet.look();
    expect(fleet.views(CHAT)).toEqual([]);
    expect(fleet.upstreams(CHAT, REACH)).toHaveLength(1);
    one.script.run = async () => ({
      given: GIVEN,
      route: { ...ROUTE, kind: 'upstream', target: 'u', attempts: 1 },
    });
    expect((await ask(fleet, inference({ model: CHAT }))).route).toMatchObject({
      kind: 'upstream',
      target: 'u',
    });
    await expect(ask(fleet, inference({ model: CHAT, texts: ['a', 'b'] }))).rejects.toMatchObject({
      code: 'model_unavailable',
    });
  });

  test('a gateway is told whom the texts may reach, and asked for upstreams of others only where they opted in', async () => {
    const one = await openGateway();
    const { fleet } = fleetOf(at(one));
    await fleet.look();
    const reach: Reach = { organizationId: 'org_2', privacy: 'cloud', upstreams: true };
    await ask(fleet, inference(), reach);
    expect(one.runs[0]?.reach).toEqual(reach);
    one.here.views = [];
    one.here.untrusted = true;
    await fleet.look();
    expect(fleet.upstreams(CHAT, REACH)).toEqual([]);
    expect(fleet.upstreams(CHAT, reach)).toHaveLength(1);
  });

  test('while no gateway is there a run is busy, which is no attempt; a model that nobody has is another thing', async () => {
    const { fleet, found } = fleetOf();
    await fleet.look();
    expect(fleet.present).toBe(0);
    await expect(ask(fleet)).rejects.toMatchObject({ code: 'no_capacity' });
    const one = await openGateway();
    one.here.views = [];
    found.push(at(one));
    await fleet.look();
    expect(fleet.present).toBe(1);
    await expect(ask(fleet)).rejects.toMatchObject({ code: 'model_unavailable' });
    await one.close();
    await fleet.look();
    await expect(ask(fleet)).rejects.toMatchObject({ code: 'no_capacity' });
  });

  test('a gateway that says that it ends finishes what it has, and gets no more', async () => {
    const [one, two] = [await openGateway(), await openGateway()];
    const open = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    one.script.run = async () => {
      begun.resolve();
      await open.promise;
      return { given: { ...GIVEN, text: 'from the first' }, route: ROUTE };
    };
    const { fleet, found } = fleetOf(at(one));
    await fleet.look();
    const under = ask(fleet);
    await begun.promise;
    found.splice(0, 1, at(two));
    await fleet.look();
    expect((await ask(fleet)).given.text).toBe(GIVEN.text);
    open.resolve();
    expect((await under).given.text).toBe('from the first');
    expect([one.runs.length, two.runs.length]).toEqual([1, 1]);
  });

  test('a gateway that is no longer named is forgotten, one that moved is found', async () => {
    const [one, two] = [await openGateway(), await openGateway()];
    const { fleet, found } = fleetOf({ id: 'g', url: one.url });
    await fleet.look();
    await ask(fleet);
    found.splice(0, 1, { id: 'g', url: two.url }, { id: 'broken', url: 'no address' });
    await fleet.look();
    await ask(fleet);
    expect([one.runs.length, two.runs.length]).toEqual([1, 1]);
    found.splice(0);
    await fleet.look();
    expect(fleet.present).toBe(0);
  });
});

describe('fleetState', () => {
  test('adds up the nodes of a model, and leaves out what nothing serves', () => {
    const views = [
      VIEW,
      { ...VIEW, slots: 4, inFlight: 9, batchRoom: -20, resident: false, serviceMs: null },
    ];
    const state = fleetState({
      models: ['a', 'b', 'c'],
      views: (model) => (model === 'a' ? views : []),
      hasUpstream: (model, trusted) => trusted && model === 'b',
    });
    expect(state.models).toEqual([
      {
        id: 'a',
        nodes: 2,
        slots: 20,
        inFlight: 10,
        batchRoom: 11,
        resident: true,
        serviceMs: 2,
        upstream: false,
        untrusted: false,
      },
      {
        id: 'b',
        nodes: 0,
        slots: 0,
        inFlight: 0,
        batchRoom: 0,
        resident: false,
        serviceMs: null,
        upstream: true,
        untrusted: false,
      },
    ]);
  });
});
