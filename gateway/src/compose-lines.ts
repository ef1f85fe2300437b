/** Composes who works on lines of batches. */
import { MANIFESTS } from '@zerogpu/catalogue';
import { AbsentModels } from './batches/lines/absent-models.ts';
import { makeInputTexts } from './batches/lines/input-texts.ts';
import { LeftBatches } from './batches/lines/left-batches.ts';
import { LEAVE_TO_OTHERS, type Verdict, verdictOf } from './batches/lines/line-outcome.ts';
import { LineSettler, type LineWord } from './batches/lines/line-settler.ts';
import { type ClaimedLine, LineStore, type TakenBack } from './batches/lines/line-store.ts';
import { type LineRun, type LineWorker, makeLineWorker } from './batches/lines/line-worker.ts';
import { LongLines } from './batches/lines/long-lines.ts';
import { startRescue } from './batches/lines/rescue-lines.ts';
import type { Ground } from './compose-parts.ts';
import type { LineOutcome, Reach, Settlement } from './flow.ts';
import { type Written, walkLine } from './line-way.ts';
import { settlementRow } from './metering/settle.ts';
import type { LineEnd, Metrics } from './metrics.ts';
import type { Rounds } from './rounds.ts';
import { isThere } from './router/targets.ts';
import { makeVerifiedReader } from './storage/verified-reader.ts';
import type { WayServices } from './way.ts';

const now = () => Date.now();

export interface LinesNeeds {
  readonly metrics: Metrics;
  /** What stands in `worker_id` of the lines that are taken. */
  readonly workerId: string;
  /** A batch may be over. */
  readonly wakeEndings: () => void;
}

export interface Lines {
  /**
   * Begins to work on lines, unless this gateway leaves them to workers beside it.
   * @param way of the requests that are made of them
   * @param reachable whether the fleet is what it says; a worker beside gateways may reach none
   */
  start(way: WayServices, reachable: () => boolean): void;
  /** There may be lines now. */
  wake(): void;
  /** Takes no more; finishes those under way within so many milliseconds, and gives the others back. */
  finish(graceMs: number): Promise<void>;
}

export function composeLines(ground: Ground, needs: LinesNeeds): Lines {
  const { config, store, log } = ground;
  const settler = makeSettler(ground, needs);
  const lines = new LineStore({ pool: store.pool, workerId: needs.workerId, now });
  let worker: LineWorker | null = null;
  let rescue: Pick<Rounds, 'stop'> | null = null;
  let open = 0;
  needs.metrics.watchBatches({ linesUnderWay: () => worker?.underWay ?? 0, open: () => open });
  const tookBack = (taken: TakenBack) => {
    open = taken.open;
    if (taken.lines > 0) worker?.wake();
    if (taken.over.length > 0) needs.wakeEndings();
  };
  return {
    start(way, reachable) {
      rescue = startRescue({ store: lines, tookBack, log });
      if (config.batches.concurrency === 0) return;
      const able = () => reachable() && somebodyIsThere(way);
      worker = makeWorker(ground, needs, { lines, settler, way, able });
      worker.start();
    },
    wake: () => worker?.wake(),
    async finish(graceMs) {
      await rescue?.stop();
      await worker?.stop(graceMs);
      await settler.close();
    },
  };
}

function makeSettler({ config, store: { pool }, secrets }: Ground, needs: LinesNeeds): LineSettler {
  return new LineSettler({
    pool,
    workerId: needs.workerId,
    settlementRow: (settlement, at) => settlementRow(settlement, config.gatewayName, secrets, at),
    now,
    over: needs.wakeEndings,
  });
}

interface WorkerParts {
  readonly lines: LineStore;
  readonly settler: LineSettler;
  readonly way: WayServices;
  /** Whether anybody can be asked. */
  readonly able: () => boolean;
}

function makeWorker(
  { config, store: { pool }, storage, log }: Ground,
  { metrics }: LinesNeeds,
  { lines, settler, way, able }: WorkerParts,
): LineWorker {
  const notAsked = { requestId: null, settlement: null };
  const absent = new AbsentModels(now);
  const left = new LeftBatches(() => performance.now());
  const long = new LongLines();
  return makeLineWorker({
    concurrency: config.batches.concurrency,
    store: lines,
    texts: makeInputTexts(pool, makeVerifiedReader(storage)),
    ask: (run) => ask(run, { way, settler, metrics, absent, left, long }),
    write: async (line, verdict, signal) => {
      const word = await settler.write({ line, verdict, ...notAsked }, signal);
      metrics.lineEnded(endOf(word, verdict));
    },
    able,
    left: () => left.ids(),
    log,
  });
}

/** As far as any project's texts may go: whose turn it is, is not known yet. */
const FAR: Reach = { organizationId: '', privacy: 'public', upstreams: true };

/** Nodes and upstreams of this gateway, or of those that a worker reaches. */
function somebodyIsThere({ fleet, upstreams }: WayServices): boolean {
  return MANIFESTS.some(({ id }) => isThere(id, { fleet }) || upstreams(id, FAR).length > 0);
}

interface AskServices {
  readonly way: WayServices;
  readonly long: LongLines;
  readonly settler: LineSettler;
  readonly metrics: Metrics;
  readonly absent: AbsentModels;
  readonly left: LeftBatches;
}

/** Takes a line its way; what becomes of it is judged, written and counted. */
function ask({ line, text, signal }: LineRun, services: AskServices): Promise<void> {
  const { way, long, settler, metrics } = services;
  const { endpoint, keyId, projectId } = line;
  const write = async (outcome: LineOutcome, settlement: Settlement | null): Promise<Written> => {
    const verdict = judge(line, outcome, settlement, services);
    const { requestId } = outcome;
    const word = await settler.write({ line, requestId, verdict, settlement }, signal);
    if (word === 'hold_lost') return word;
    metrics.lineEnded(endOf(word, verdict));
    if (word === 'line_lost') return word;
    if (settlement === null || verdict.outcome === 'back') return 'unlogged';
    metrics.settled(settlement);
    return 'logged';
  };
  const turn = () => long.turn(text.length);
  return walkLine({ endpoint, keyId, projectId, text, signal, turn, write }, way);
}

function judge(
  { batchId, attempt }: ClaimedLine,
  outcome: LineOutcome,
  settlement: Settlement | null,
  { absent, left, way }: AskServices,
): Verdict {
  const model = settlement?.requestedModel ?? '';
  if (outcome.kind === 'answered') absent.answered(model);
  else if (absent.waitsFor(model, outcome.error)) {
    left.leave(batchId);
    return LEAVE_TO_OTHERS;
  }
  return verdictOf(outcome, attempt, way.random);
}

function endOf(word: LineWord, verdict: Verdict): LineEnd {
  if (word === 'line_lost') return 'lost';
  if (verdict.outcome !== 'done') return verdict.outcome;
  return verdict.succeeded ? 'succeeded' : 'failed';
}
