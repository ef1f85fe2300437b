import { randomBytes } from 'node:crypto';
import {
  type AnnouncedModel,
  ApiError,
  type Done,
  type Failed,
  type GatewayFrame,
  type Hello,
  type Inference,
  MAX_FRAME_BYTES,
  type NodeFailure,
  type NodeFrame,
  type Place,
  type Tier,
} from '@zerogpu/protocol';
import type { RawData, WebSocket } from 'ws';
import {
  type FailureKind,
  type NodeFacts,
  type NodeView,
  type PieceSink,
  type Target,
  type TargetAnswer,
  TargetFailure,
  type Trust,
} from '../flow.ts';
import type { ModelReport, Standing } from '../live-nodes.ts';
import { Conduct, type Misconduct } from './conduct.ts';
import { type Lane, usualMsOf } from './lane.ts';
import type { Admittance } from './node-directory.ts';
import { NodeLanes } from './node-lanes.ts';
import { CATALOGUE, type GatewaySoftware, thisSoftware, understandingWith } from './node-software.ts';
import { plain, readFrame } from './read-frame.ts';
import { RoundTrip } from './round-trip.ts';
import { SILENT, SignOfLife } from './sign-of-life.ts';
import type { Trials } from './trials.ts';

/** A node that is not welcome by then is not one. */
const GREETING_TIMEOUT_MS = 10_000;
/** Written to a node and not yet sent: past this it is too slow to be given more. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
/**
 * Of the answer to one text, its reasoning included, in UTF-16 code units: many times what a model of ours writes. The
 * answers to several texts may fill a frame.
 */
const MAX_ANSWER_LENGTH = 1024 * 1024;
/** A cancelled run that still holds its slot after this long shows that the node does not listen. */
const CANCEL_GRACE_MS = 30_000;
const MAX_REPORTED_LENGTH = 200;
/** Of a UTF-16 code unit: as many as it has bytes in UTF-8, which is the most that any tokenizer makes of it. */
const MAX_TOKENS_PER_UNIT = 3;
/** What a piece counts at least, so that empty ones end too. */
const LEAST_PIECE = 8;
/** A socket that was closed for what it sent ends by then, whether the node says goodbye or not. */
const GOODBYE_MS = 1000;
/** Bytes of a load that is kept to be compared with: ten times what our own nodes say of all built-ins. */
const MAX_KEPT_LOAD = 12 * 1024;
/** Until it is admitted. */
const NOBODY: NodeFacts = {
  id: '',
  organizationId: null,
  pool: 'public',
  deviceClass: 'server',
  place: null,
  region: null,
};

const NOTICES = {
  quarantined: 'An answer of this node was wrong: it gets no work until the operator lets it out',
  draining: 'This node is drained: it gets no new work until somebody ends that',
  serving: 'This node gets work',
} as const;

export interface ConnectionServices {
  admit(hello: Hello, nonce: string): Promise<Admittance>;
  /** Called once when the node is welcome; it can be given work from then on. */
  welcomed(connection: NodeConnection): void;
  /** Called whenever what the router goes by is another for one model: at each run's beginning and end, too. */
  told?(connection: NodeConnection, model: string): void;
  /** Called whenever the models that it serves changed. */
  changed(connection: NodeConnection): void;
  closed(connection: NodeConnection): void;
  /** Its socket was closed because of what it sent. */
  misbehaved(connection: NodeConnection, misconduct: Misconduct): void;
  /** How far it is believed for a model. */
  trustOf(facts: NodeFacts, model: string): Trust;
  /** Second looks at what was found slow; none without. */
  readonly trials?: Trials;
  readonly heartbeatMs: number;
  /** What nodes must understand, and where they get newer software; this gateway's own unless told. */
  software?(): GatewaySoftware;
  now(): number;
}

interface Running {
  readonly model: string;
  readonly lane: Lane;
  readonly tier: Tier;
  readonly sink: PieceSink | null;
  readonly sentAt: number;
  readonly queueMs: number;
  /** Of the whole answer, in UTF-16 code units. */
  readonly maxLength: number;
  /** Of the pieces so far, in UTF-16 code units. */
  length: number;
  cancelledAt: number | null;
  /** The model was not in memory when it was sent, so that it may have waited for that. */
  readonly cold: boolean;
  /** Of the input, in UTF-16 code units. */
  readonly inputLength: number;
  /** Null once the caller stopped waiting; the slot stays taken until the node says that it is free. */
  waiting: { resolve(answer: TargetAnswer): void; reject(error: unknown): void } | null;
}

/** The gateway's end of one node's socket: who it is, what it announces, what it is running. */
export class NodeConnection implements Target {
  readonly kind = 'node';
  facts: NodeFacts = NOBODY;
  /** Which of the node's sockets this is, counted from its first; and since when, in milliseconds since 1970. */
  session = 0;
  connectedAt = 0;
  /** Runs of this socket that were answered, and those that the node is to blame for. */
  readonly runs = { done: 0, failed: 0 };
  /** Counts up with whatever may make `report` another than it was when the node was let in. */
  changes = 0;
  lastHeardAt: number;
  readonly #socket: WebSocket;
  readonly #services: ConnectionServices;
  readonly #nonce = randomBytes(32).toString('base64url');
  readonly #lanes: NodeLanes;
  readonly #roundTrip = new RoundTrip();
  readonly #running = new Map<string, Running>();
  /** Of runs that wait for a slot. */
  readonly #waiting = new Set<AbortSignal>();
  readonly #greeting: NodeJS.Timeout;
  readonly #conduct: Conduct;
  readonly #life: SignOfLife;
  /** The last load, as it came: the same again is not read again. */
  #load: string | null = null;
  #standing: Standing = { draining: false, quarantined: false };
  #state: 'hello' | 'admitting' | 'serving' | 'draining' | 'closed' = 'hello';
  #nextRun = 1;

  constructor(socket: WebSocket, services: ConnectionServices) {
    this.#socket = socket;
    this.#services = services;
    this.lastHeardAt = services.now();
    this.#conduct = new Conduct(this.lastHeardAt);
    this.#lanes = new NodeLanes((model) => this.#laneChanged(model));
    this.#life = new SignOfLife({
      ask: () => this.ping(),
      lost: () => this.#fellSilent(),
      back: () => services.changed(this),
    });
    this.#greeting = setTimeout(() => this.#greetingLate(), GREETING_TIMEOUT_MS);
    socket.on('message', (data, isBinary) => this.#heard(data, isBinary));
    socket.on('ping', (data) => this.#pinged(data));
    socket.on('pong', (data) => this.#ponged(String(data)));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#closed());
    this.#send({ type: 'challenge', nonce: this.#nonce });
  }

  get id(): string {
    return this.facts.id;
  }

  get organizationId(): string | null {
    return this.facts.organizationId;
  }

  /** Mean of the last ways there and back; 0 until one was measured. */
  get rttMs(): number {
    return this.#roundTrip.ms;
  }

  get serving(): boolean {
    const open = this.#socket.readyState === this.#socket.OPEN;
    return open && this.#state === 'serving' && !this.#held && !this.#life.silent;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /**
   * Drained or in quarantine it gets no new runs, and what waits for it goes elsewhere. What it runs is finished when it is
   * drained; nothing that a node in quarantine still says is believed.
   */
  set standing(standing: Standing) {
    const before = this.#held;
    if (standing.quarantined && !this.#standing.quarantined) this.#loseRuns('The node is in quarantine');
    this.#standing = standing;
    if (this.#held === before || this.#state !== 'serving') return;
    this.changes++;
    this.#lanes.announce(this.#lanes.announced, this.#held);
    this.#notice();
    this.#services.changed(this);
  }

  /** For the eyes of its owner. */
  #notice(): void {
    const held = this.#standing.quarantined ? 'quarantined' : 'draining';
    const kind = this.#held ? held : 'serving';
    this.#send({ type: 'notice', kind, message: NOTICES[kind] });
  }

  #loseRuns(message: string): void {
    const lost = new TargetFailure('lost', message);
    for (const id of this.#running.keys()) this.#abandon(id, lost);
  }

  get #held(): boolean {
    return this.#standing.draining || this.#standing.quarantined;
  }

  /** Whether a run of the model would begin at once. Never one that tries whether it works again. */
  idle(model: string): boolean {
    const lane = this.#lanes.get(model);
    return this.serving && lane !== undefined && lane.inFlight < lane.slots && lane.closedUntil === 0;
  }

  /** Asks for a sign of life; a node that gives none loses its runs to others at once, and gets none until it gives one. */
  alive(withinMs: number): Promise<boolean> {
    return this.#state === 'closed' ? Promise.resolve(false) : this.#life.asked(withinMs);
  }

  #fellSilent(): void {
    this.#loseRuns('The node gives no sign of life');
    this.#lanes.sendAway('The node gives no sign of life');
    this.#services.changed(this);
  }

  /** What it has, held or not. */
  report(): ModelReport[] {
    return this.#lanes.report();
  }

  /** It is where people say. */
  move(place: Place, region: string | null): void {
    const { place: before, region: country } = this.facts;
    if (before?.latitude === place.latitude && before.longitude === place.longitude && country === region)
      return;
    this.facts = { ...this.facts, place, region };
    this.#services.changed(this);
  }

  /** It was removed by people: it is told so, and what it runs is lost. */
  remove(): void {
    this.#refuse('revoked', 'This node was removed');
  }

  models(): IterableIterator<string> {
    return this.#lanes.models();
  }

  /** When what it failed of a model will be forgotten, in milliseconds since 1970; null when there is nothing. */
  forgivenAt(model: string): number | null {
    return this.#lanes.get(model)?.forgivenAt(this.#services.now()) ?? null;
  }

  view(model: string): NodeView | null {
    const lane = this.#lanes.get(model);
    if (!lane) return null;
    const { slots, inFlight, batchRoom, resident, serviceMs, closedUntil, pace, loadMs } = lane;
    const failures = lane.failures(this.#services.now());
    return {
      ...this.facts,
      slots,
      inFlight,
      batchRoom,
      resident,
      serviceMs,
      speed: lane.speed(this.#lanes.announcedSpeed(model)),
      crowdMs: pace.crowdMs,
      loadMs,
      failures,
      closedUntil,
      rttMs: this.rttMs,
      trust: this.#services.trustOf(this.facts, model),
    };
  }

  async run(
    inference: Inference,
    deadline: number,
    sink: PieceSink | null,
    signal: AbortSignal,
    tier: Tier,
  ): Promise<TargetAnswer> {
    const lane = this.#lanes.get(inference.model);
    if (!lane || !this.serving) throw new TargetFailure('unavailable', 'The node does not have the model');
    const askedAt = this.#services.now();
    await this.#enter(lane, tier, Math.max(0, deadline - askedAt), signal);
    try {
      signal.throwIfAborted();
      if (!this.serving) throw new TargetFailure('unavailable', 'The node went away');
      if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) {
        throw new TargetFailure('busy', 'The node is slow to take what it is sent');
      }
      const id = String(this.#nextRun++);
      const sentAt = this.#services.now();
      lane.begin(sentAt, tier);
      const frame = JSON.stringify({
        type: 'run',
        id,
        deadlineMs: Math.max(0, deadline - sentAt),
        inference,
        ...(tier === 'batch' ? { priority: 'batch' } : {}),
      });
      // A node drops the socket over a frame that is too large, and with it everybody else's runs.
      if (Buffer.byteLength(frame) > MAX_FRAME_BYTES) {
        throw new TargetFailure('too_large', 'The request is larger than a node accepts');
      }
      const queueMs = Math.max(0, sentAt - askedAt);
      const maxLength = inference.texts === null ? MAX_ANSWER_LENGTH : MAX_FRAME_BYTES;
      const { model } = inference;
      const input = { model, cold: !lane.resident, inputLength: lengthOf(inference) };
      const run = { lane, tier, sink, sentAt, queueMs, maxLength, length: 0, cancelledAt: null, ...input };
      return this.#start(id, frame, signal, run);
    } catch (error) {
      lane.leave();
      throw error;
    }
  }

  waits(signal: AbortSignal): boolean {
    return this.#waiting.has(signal);
  }

  async #enter(lane: Lane, tier: Tier, leftMs: number, signal: AbortSignal): Promise<void> {
    const entering = lane.enter(tier, leftMs, signal);
    if (entering === undefined) return;
    this.#waiting.add(signal);
    try {
      await entering;
    } finally {
      this.#waiting.delete(signal);
    }
  }

  /** True when a run that was cancelled long ago still holds its slot. */
  hangs(): boolean {
    const since = this.#services.now() - CANCEL_GRACE_MS;
    for (const { cancelledAt } of this.#running.values()) {
      if (cancelledAt !== null && cancelledAt < since) return true;
    }
    return false;
  }

  /** Asks for a sign of life, and measures the way there and back with it. */
  ping(): void {
    const nonce = this.#roundTrip.ask(this.#services.now());
    // A browser answers a ping even for a page that it has frozen, and never shows it to the page.
    if (this.facts.deviceClass === 'browser') this.#send({ type: 'beat', nonce });
    else this.#socket.ping(nonce);
  }

  /** Says goodbye. What was running here is lost at once: the other end may never answer. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    this.#closed();
  }

  terminate(): void {
    this.#socket.terminate();
    this.#closed();
  }

  #start(
    id: string,
    frame: string,
    signal: AbortSignal,
    run: Omit<Running, 'waiting'>,
  ): Promise<TargetAnswer> {
    return new Promise((resolve, reject) => {
      const abandon = () => this.#abandon(id, signal.reason);
      const settled = (settle: () => void) => {
        signal.removeEventListener('abort', abandon);
        settle();
      };
      const waiting = {
        resolve: (answer: TargetAnswer) => settled(() => resolve(answer)),
        reject: (error: unknown) => settled(() => reject(error)),
      };
      this.#running.set(id, { ...run, waiting });
      this.#conduct.runBegan();
      signal.addEventListener('abort', abandon, { once: true });
      this.#socket.send(frame);
    });
  }

  #abandon(id: string, reason: unknown): void {
    const running = this.#running.get(id);
    if (!running?.waiting) return;
    running.waiting.reject(reason);
    running.waiting = null;
    running.cancelledAt = this.#services.now();
    if (isOverdue(reason)) {
      running.lane.fail(running.cancelledAt);
      this.runs.failed++;
    }
    this.#send({ type: 'cancel', id });
  }

  #heard(data: RawData, isBinary: boolean): void {
    if (this.#state === 'closed') return;
    this.lastHeardAt = this.#services.now();
    this.#life.heard();
    if (!isBinary && this.#isSameLoad(data)) {
      this.#conduct.valid();
      this.#judge(this.#conduct.ownFrame(this.lastHeardAt));
      this.#lanes.forgetRetired();
      return;
    }
    const frame = isBinary ? null : readFrame(data);
    if (frame === null) {
      this.#judge(this.#conduct.invalid(this.lastHeardAt));
      return;
    }
    this.#conduct.valid();
    if (frame === 'of another time') {
      this.#judge(this.#conduct.ownFrame(this.lastHeardAt));
      return;
    }
    if (this.#state === 'hello') this.#greet(frame);
    else if (this.#state === 'serving' || this.#state === 'draining') {
      if (frame.type === 'load') this.#keepLoad(data);
      this.#handle(frame);
    }
  }

  /** Other characters than ASCII have more bytes: a load with such is read each time. */
  #isSameLoad(data: RawData): boolean {
    return Buffer.isBuffer(data) && data.length === this.#load?.length && String(data) === this.#load;
  }

  #keepLoad(data: RawData): void {
    const isShort = Buffer.isBuffer(data) && data.length <= MAX_KEPT_LOAD;
    this.#load = isShort ? String(data) : null;
  }

  /** Bytes came from the wire: whole frames, parts of frames, or nothing that means anything. */
  heardBytes(count: number): void {
    const runs = this.#running.size;
    this.#judge(this.#conduct.bytes(count, runs, this.#services.now()));
  }

  #judge(misconduct: Misconduct | null): void {
    if (misconduct === null || this.#state === 'closed') return;
    this.#services.misbehaved(this, misconduct);
    this.close(1008, misconduct);
    setTimeout(() => this.#socket.terminate(), GOODBYE_MS).unref();
  }

  #greet(frame: NodeFrame): void {
    if (frame.type !== 'hello') {
      this.#refuse('hello_expected', 'The first frame must be hello');
      return;
    }
    const understanding = understandingWith(frame, this.#software());
    if (understanding.kind === 'too_different') {
      this.#refuse('version_unsupported', understanding.message);
      return;
    }
    this.#state = 'admitting';
    this.#services.admit(frame, this.#nonce).then(
      (admittance) => this.#admitted(frame, admittance),
      () => this.#cannotAdmit(),
    );
  }

  #greetingLate(): void {
    if (this.#state === 'hello') this.#refuse('hello_expected', 'No hello in time');
    else this.#cannotAdmit();
  }

  #cannotAdmit(): void {
    if (this.#state !== 'closed') this.close(1011, 'the gateway cannot admit nodes at the moment');
  }

  #admitted(hello: Hello, admittance: Admittance): void {
    if (this.#state !== 'admitting') return;
    if (admittance.kind === 'refused') {
      this.#refuse(admittance.code, admittance.message);
      return;
    }
    clearTimeout(this.#greeting);
    this.#conduct.welcomed(this.#services.now());
    this.facts = admittance.facts;
    this.session = admittance.session ?? 0;
    this.connectedAt = this.#services.now();
    this.#standing = admittance.standing ?? this.#standing;
    this.#state = 'serving';
    this.#lanes.announce(hello.models, this.#held);
    this.#welcome(hello);
    if (this.#held) this.#notice();
    this.#services.welcomed(this);
    // Until a way is measured it is guessed: the sooner the better.
    if (this.serving) this.ping();
  }

  #welcome(hello: Hello): void {
    const { heartbeatMs } = this.#services;
    const understanding = understandingWith(hello, this.#software());
    const common = { type: 'welcome', nodeId: this.id, heartbeatMs } as const;
    // A node from before versions were told gets what it knows.
    if (understanding.kind !== 'understood' || !hello.protocols) {
      this.#send(common);
      return;
    }
    const { protocol, update } = understanding;
    this.#send({ ...common, protocol, models: CATALOGUE, ...(update ? { update } : {}) });
  }

  #software(): GatewaySoftware {
    return this.#services.software?.() ?? thisSoftware('');
  }

  #handle(frame: NodeFrame): void {
    const known = 'id' in frame ? this.#running.has(frame.id) : null;
    if (known === false) this.#judge(this.#conduct.stray(this.lastHeardAt));
    if (known === null) this.#judge(this.#conduct.ownFrame(this.lastHeardAt));
    if (known === false || !this.#connected) return;
    switch (frame.type) {
      case 'piece':
        this.#piece(frame.id, frame.kind, frame.text);
        break;
      case 'done':
        this.#done(frame);
        break;
      case 'failed':
        this.#failed(frame);
        break;
      case 'load':
        this.#heardLoad(frame.models);
        break;
      case 'draining':
        this.#state = 'draining';
        this.#lanes.close('The node is shutting down');
        this.#services.changed(this);
        break;
      case 'alive':
        this.#ponged(frame.nonce ?? '');
        break;
      case 'hello':
        break;
    }
  }

  get #connected(): boolean {
    return this.#state !== 'closed';
  }

  #piece(id: string, kind: 'text' | 'reasoning', text: string): void {
    const running = this.#running.get(id);
    if (!running?.waiting) return;
    running.length += Math.max(LEAST_PIECE, text.length);
    if (running.length > running.maxLength) {
      running.lane.fail(this.#services.now());
      this.#abandon(id, tooMuch());
      return;
    }
    // Nothing is no sign of progress.
    if (text === '') return;
    try {
      running.sink?.piece(kind, text);
    } catch (error) {
      this.#abandon(id, error);
    }
  }

  #laneChanged(model: string): void {
    this.changes++;
    this.#services.told?.(this, model);
  }

  /** Nearly every heartbeat says what the one before it, or the hello, said. */
  #heardLoad(models: readonly AnnouncedModel[]): void {
    this.#lanes.forgetRetired();
    if (this.#lanes.has(models)) return;
    this.changes++;
    this.#lanes.announce(models, this.#held);
    this.#services.changed(this);
  }

  #done(frame: Done): void {
    const running = this.#take(frame.id);
    if (!running) return;
    const now = this.#services.now();
    const elapsed = Math.max(0, now - running.sentAt);
    if (frame.text.length + (frame.reasoning?.length ?? 0) > running.maxLength) {
      running.lane.fail(now);
      running.waiting?.reject(tooMuch());
      return;
    }
    // One thread works for all models: whatever else runs there was beside it.
    if (running.cancelledAt === null) this.#learn(running, frame, elapsed);
    this.runs.done++;
    running.waiting?.resolve({
      text: frame.text,
      reasoning: frame.reasoning,
      toolCalls: [],
      finishReason: frame.finishReason,
      usage: null,
      queueMs: running.queueMs,
      // A node's word on its own speed is bounded by what we saw.
      modelMs: Math.min(frame.modelMs + frame.loadMs, elapsed),
    });
  }

  /** A node's word on what of a run was loading, and on how long its input was, is bounded by what we know of both. */
  #learn({ model, lane, tier, cold, inputLength }: Running, frame: Done, elapsed: number): void {
    const loadMs = cold ? Math.min(frame.loadMs, elapsed) : 0;
    if (loadMs > 0) lane.loaded(loadMs);
    const tokens = Math.min(frame.inputTokens, MAX_TOKENS_PER_UNIT * inputLength);
    lane.observe(elapsed - loadMs, tier, this.rttMs, this.#running.size, tokens);
    const { aloneMs } = lane.pace;
    if (tier === 'interactive' && aloneMs !== null) this.#tellPace(model, aloneMs);
  }

  #failed(frame: Failed): void {
    const running = this.#take(frame.id);
    if (running?.waiting && frame.code !== 'input') {
      running.lane.fail(this.#services.now());
      this.runs.failed++;
    }
    const error = new TargetFailure(FAILURES[frame.code], printable(frame.message), frame.param);
    running?.waiting?.reject(error);
  }

  /** Ends a run's stay in its slot. */
  #take(id: string): Running | undefined {
    const running = this.#running.get(id);
    if (!running) return undefined;
    this.#running.delete(id);
    running.lane.leave();
    return running;
  }

  /** A node that asks for pongs and does not read them would fill our memory. */
  #pinged(data: Buffer): void {
    this.#judge(this.#conduct.ownFrame(this.#services.now()));
    if (!this.#connected) return;
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) this.terminate();
    else this.#socket.pong(data);
  }

  #ponged(nonce: string): void {
    this.lastHeardAt = this.#services.now();
    this.#life.heard();
    // Nobody asked that: a pong of one's own accord is a sign of life.
    if (!this.#roundTrip.answered(nonce, this.lastHeardAt)) {
      this.#judge(this.#conduct.ownFrame(this.lastHeardAt));
      return;
    }
    if (this.#roundTrip.isNews()) {
      for (const model of this.#lanes.models()) this.#services.told?.(this, model);
    }
    this.#tryAgain(this.lastHeardAt);
  }

  #tellPace(model: string, aloneMs: number): void {
    const announced = this.#lanes.announcedSpeed(model);
    this.#services.trials?.ran(model, aloneMs, announced && usualMsOf(announced));
  }

  /** Once a heartbeat, which costs a few numbers for each model that ran here. */
  #tryAgain(now: number): void {
    const { trials } = this.#services;
    if (!trials) return;
    for (const [model, lane] of this.#lanes) {
      const as = () => trials.hope(model, this.#lanes.announcedSpeed(model));
      lane.tryAgain(as, now, () => trials.take(model));
    }
  }

  #refuse(code: Extract<Admittance, { kind: 'refused' }>['code'], message: string): void {
    this.#send({ type: 'refused', code, message });
    this.close(1008, code);
  }

  #closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#greeting);
    this.#life.end();
    this.#lanes.close('The node went away');
    if (this.#running.size > 0) this.#loseRunning();
    this.#services.closed(this);
  }

  #loseRunning(): void {
    const lost = new TargetFailure('lost', 'The node went away');
    for (const running of this.#running.values()) {
      if (running.waiting) this.runs.failed++;
      running.waiting?.reject(lost);
    }
    this.#running.clear();
  }

  #send(frame: GatewayFrame): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(frame));
  }
}

const FAILURES: Record<NodeFailure, FailureKind> = {
  input: 'input',
  model_unavailable: 'unavailable',
  busy: 'busy',
  // Only a run that nobody waits for is cancelled; one that is waited for was cut off by the node's own deadline.
  cancelled: 'lost',
  internal: 'internal',
};

/** It had all the time there is, or far more than it needs: a node that takes runs and never ends them looks idle for ever. */
function isOverdue(reason: unknown): boolean {
  return reason === SILENT || (reason instanceof ApiError && reason.code === 'upstream_timeout');
}

function lengthOf({ text, texts }: Inference): number {
  return texts === null ? text.length : texts.reduce((sum, one) => sum + one.length, 0);
}

function tooMuch(): TargetFailure {
  return new TargetFailure('internal', 'The node answered too much');
}

/** A node's words may end up in a log: on one line, and not for long. */
function printable(message: string): string {
  return plain(message).slice(0, MAX_REPORTED_LENGTH);
}
