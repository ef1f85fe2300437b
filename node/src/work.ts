import {
  type Done,
  type Failed,
  MAX_FRAME_BYTES,
  type NodeFailure,
  type NodeFrame,
  type Run,
} from '@zerogpu/protocol';
import { type LoadedModel, ModelInputError, type Piece, type RunEnd } from '@zerogpu/runtimes';
import { type LoadedModels, type ModelInUse, ModelUnavailable } from './loaded-models.ts';
import type { RunCounts } from './node-status.ts';
import { orAborted, type Turns } from './turns.ts';

/** Where a run came from and its answer goes. */
export interface RunPort {
  send(frame: NodeFrame): void;
  /** Resolves when the gateway has taken what was sent, or will never. */
  drained(signal: AbortSignal): Promise<void>;
}

export interface WorkOptions {
  readonly models: LoadedModels;
  /** Runs at once of one model, as it is now. */
  slots(): number;
  /** False while the owner wants the device for other things: what runs is finished, nothing new begins. */
  accepts?(): boolean;
  readonly turns: Turns;
  /** Called when a run begins, and when it is over. */
  changed?(): void;
  now(): number;
  /** Called with a line for the log; never with anything of a request. */
  log(line: string): void;
}

interface Running {
  /** Unique among the runs of its port. */
  readonly id: string;
  readonly port: RunPort;
  readonly model: string;
  /** Of its texts, in UTF-16 code units. */
  readonly length: number;
  readonly abort: AbortController;
}

interface Answer {
  readonly text: string;
  readonly reasoning: string | null;
  readonly end: RunEnd;
}

/** Of an answer as it stands in its frame; the rest of the frame is a few hundred bytes. */
const MAX_ANSWER_BYTES = MAX_FRAME_BYTES - 1024;
/** How long a model may compute before others get a turn. */
const TURN_MS = 10;
/** Timers of JavaScript fire at once when asked for more. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Runs that were given up while their model went on: beyond this many the model gets no more work. */
const MAX_ABANDONED = 16;
const MAX_MESSAGE_LENGTH = 1024;
/**
 * Of the texts of all runs in flight, in UTF-16 code units: of a gateway that fills every slot of every model with the
 * largest frames there are, a node would hold 640 MB.
 */
const MAX_HELD_LENGTH = 32 * 1024 * 1024;

/** Nobody waits for the run any more. */
class RunStopped extends Error {
  override readonly name = 'RunStopped';
}

/** Step 6 of a request's way: works on what gateways send, at most `slots` runs of a model at once. */
export class Work {
  readonly #options: WorkOptions;
  readonly #running = new Set<Running>();
  readonly #abandoned = new Map<string, number>();
  readonly #counts = { done: 0, failed: 0, cancelled: 0, inputTokens: 0, outputTokens: 0 };
  readonly #doneOf = new Map<string, number>();
  #heldLength = 0;
  #accepting = true;
  #idle: (() => void) | null = null;

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  /** What became of runs, since the start. */
  get counts(): RunCounts {
    return { inFlight: this.#running.size, ...this.#counts };
  }

  /** Of one model: runs in flight, and runs done since the start. */
  of(model: string): { readonly inFlight: number; readonly done: number } {
    let inFlight = 0;
    for (const running of this.#running) if (running.model === model) inFlight++;
    return { inFlight, done: this.#doneOf.get(model) ?? 0 };
  }

  /** Answers the run on its port with pieces (if it streams) and then one done or failed frame, whatever happens. */
  start(run: Run, port: RunPort): void {
    if (this.#find(run.id, port)) return;
    const { model } = run.inference;
    const length = lengthOf(run);
    const refusal = this.#refusal(model, length);
    if (refusal !== null) {
      port.send(failedFrame(run.id, refusal, REFUSALS[refusal]));
      return;
    }
    const abort = new AbortController();
    const stop = () => abort.abort(new RunStopped('The deadline passed'));
    const timer = setTimeout(stop, Math.min(run.deadlineMs, MAX_TIMER_MS));
    const running = { id: run.id, port, model, length, abort };
    this.#running.add(running);
    this.#heldLength += length;
    this.#options.changed?.();
    this.#answer(run, port, abort.signal).then((frame) => {
      clearTimeout(timer);
      this.#running.delete(running);
      this.#heldLength -= length;
      this.#count(model, frame);
      port.send(frame);
      this.#options.changed?.();
      if (this.#running.size === 0) this.#idle?.();
    });
  }

  cancel(id: string, port: RunPort): void {
    this.#find(id, port)?.abort.abort(new RunStopped('The run was cancelled'));
  }

  /** Stops all runs of a port whose gateway is gone. */
  cancelAll(port: RunPort): void {
    for (const running of this.#running) if (running.port === port) this.cancel(running.id, port);
  }

  /**
   * Refuses new runs from now on; resolves when those in flight are answered.
   * @param graceMs runs that take longer are cancelled
   */
  async finish(graceMs: number): Promise<void> {
    this.#accepting = false;
    if (this.#running.size === 0) return;
    const stop = () => {
      for (const { abort } of this.#running) abort.abort(new RunStopped('The node is shutting down'));
    };
    const timer = setTimeout(stop, graceMs);
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    clearTimeout(timer);
  }

  #find(id: string, port: RunPort): Running | undefined {
    for (const running of this.#running) if (running.id === id && running.port === port) return running;
    return undefined;
  }

  #count(model: string, frame: Done | Failed): void {
    if (frame.type === 'failed') {
      this.#counts[frame.code === 'cancelled' ? 'cancelled' : 'failed']++;
      return;
    }
    this.#counts.done++;
    this.#counts.inputTokens += frame.inputTokens;
    this.#counts.outputTokens += frame.outputTokens;
    this.#doneOf.set(model, (this.#doneOf.get(model) ?? 0) + 1);
  }

  #refusal(model: string, length: number): 'busy' | 'model_unavailable' | null {
    if (!this.#accepting || this.#options.accepts?.() === false) return 'busy';
    if (!this.#options.models.has(model)) return 'model_unavailable';
    if (this.#heldLength > 0 && this.#heldLength + length > MAX_HELD_LENGTH) return 'busy';
    const hanging = (this.#abandoned.get(model) ?? 0) >= MAX_ABANDONED;
    return this.of(model).inFlight >= this.#options.slots() || hanging ? 'busy' : null;
  }

  async #answer(run: Run, port: RunPort, signal: AbortSignal): Promise<Done | Failed> {
    const startedAt = this.#options.now();
    try {
      const used = await this.#use(run.inference.model, signal);
      try {
        await orAborted(this.#turn(run), signal);
        const turnAt = this.#options.now();
        const answer = await this.#generate(used.model, run, port, signal);
        return doneFrame(run.id, answer, turnAt - startedAt, this.#options.now() - turnAt);
      } finally {
        used.release();
      }
    } catch (error) {
      return this.#failed(run, error);
    }
  }

  /** The model, or the signal's reason; a model that comes too late is given back. */
  async #use(model: string, signal: AbortSignal): Promise<ModelInUse> {
    const using = this.#options.models.use(model);
    try {
      return await orAborted(using, signal);
    } catch (error) {
      using.then(
        (late) => late.release(),
        () => undefined,
      );
      throw error;
    }
  }

  async #generate(model: LoadedModel, run: Run, port: RunPort, signal: AbortSignal): Promise<Answer> {
    const parts = { text: '', reasoning: '' };
    let bytes = 0;
    const pieces = model.run(run.inference, signal);
    let turnAt = this.#options.now();
    try {
      for (;;) {
        const next = await this.#step(model, pieces.next(), signal);
        if (next.done) return { text: parts.text, reasoning: parts.reasoning || null, end: next.value };
        parts[next.value.kind] += next.value.text;
        bytes += bytesInFrame(next.value.text);
        if (bytes > MAX_ANSWER_BYTES) throw new RangeError('The answer is too long');
        if (run.inference.stream) await this.#stream(run.id, next.value, port, signal);
        if (this.#options.now() - turnAt <= TURN_MS) continue;
        await orAborted(this.#turn(run), signal);
        turnAt = this.#options.now();
      }
    } catch (error) {
      // Not awaited: a model that hangs does not hear it, and its slot must come free.
      pieces.return({ finishReason: 'stop', inputTokens: 0, outputTokens: 0 }).catch(() => undefined);
      throw error;
    }
  }

  #turn(run: Run): Promise<void> {
    return this.#options.turns.next(run.priority === 'batch');
  }

  async #stream(id: string, { kind, text }: Piece, port: RunPort, signal: AbortSignal): Promise<void> {
    if (text === '') return;
    port.send({ type: 'piece', id, kind, text });
    await orAborted(port.drained(signal), signal);
  }

  /** The outcome of one step; when the run is stopped first, the step counts as abandoned until the model settles it. */
  async #step<T>(model: LoadedModel, step: Promise<T>, signal: AbortSignal): Promise<T> {
    let settled = false;
    const watched = step.finally(() => {
      settled = true;
    });
    try {
      return await orAborted(watched, signal);
    } catch (error) {
      if (!settled) this.#abandon(model.manifest.id, watched);
      throw error;
    }
  }

  #abandon(model: string, step: Promise<unknown>): void {
    const count = (by: number) => this.#abandoned.set(model, (this.#abandoned.get(model) ?? 0) + by);
    const back = () => count(-1);
    count(1);
    step.then(back, back);
  }

  #failed(run: Run, error: unknown): Failed {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof ModelInputError) return failedFrame(run.id, 'input', message, error.param);
    if (error instanceof ModelUnavailable) return failedFrame(run.id, 'model_unavailable', message);
    if (error instanceof RunStopped) return failedFrame(run.id, 'cancelled', message);
    // The message of an unexpected error may quote the request: its name is all that is said of it.
    const name = error instanceof Error ? error.name : typeof error;
    this.#options.log(`A run of ${run.inference.model} failed: ${name}`);
    return failedFrame(run.id, 'internal', `The model failed: ${name}`);
  }
}

/** What a run keeps in memory: most of its frame. */
function lengthOf({ inference: { text, texts, messages } }: Run): number {
  const said = messages.reduce((sum, { content }) => sum + content.length, 0);
  return text.length + said + (texts ?? []).reduce((sum, one) => sum + one.length, 0);
}

const encoder = new TextEncoder();

/** What a text takes in a frame: quotes and control characters are written as several. */
function bytesInFrame(text: string): number {
  return encoder.encode(JSON.stringify(text)).length - 2;
}

const REFUSALS = {
  busy: 'The node takes no more runs of this model now',
  model_unavailable: 'The node does not have the model',
} as const;

function failedFrame(id: string, code: NodeFailure, message: string, param: string | null = null): Failed {
  return {
    type: 'failed',
    id,
    code,
    message: message.slice(0, MAX_MESSAGE_LENGTH),
    param: param?.slice(0, 256) ?? null,
  };
}

function doneFrame(id: string, { text, reasoning, end }: Answer, loadMs: number, modelMs: number): Done {
  return {
    type: 'done',
    id,
    text,
    reasoning,
    ...end,
    loadMs: Math.max(0, loadMs),
    modelMs: Math.max(0, modelMs),
  };
}
