/** How quick a device is at a model: a short trial, whose outcome is kept. */
import { exampleInferences } from '@zerogpu/catalogue';
import type { Inference, ModelManifest } from '@zerogpu/protocol';
import type { LoadedModel } from '@zerogpu/runtimes';
import { orAborted } from './turns.ts';

/** As a node announces it: milliseconds that any run takes, and milliseconds for a thousand tokens of input. */
export interface Speed {
  readonly baseMs: number;
  readonly perThousandMs: number;
}

/** A speed and when it was measured, in milliseconds since 1970. */
export interface MeasuredSpeed extends Speed {
  readonly at: number;
}

/** Where speeds outlive the program. What cannot be read is as if it were not there. */
export interface SpeedCache {
  /** By model, version and files, as `speedKey` names them. */
  read(): Promise<ReadonlyMap<string, MeasuredSpeed>>;
  write(speeds: ReadonlyMap<string, MeasuredSpeed>): Promise<void>;
}

export interface Trial {
  /** Resolves when the trial may compute: it waits behind everybody's runs. */
  turn(): Promise<void>;
  /** Milliseconds, never going back. */
  now(): number;
  readonly signal: AbortSignal;
}

/** Devices change slowly: other software beside it, a battery, dust. */
export const SPEED_LASTS_MS = 7 * 24 * 3_600_000;
const RUNS = 3;
/** Of the long text, in times of the short one: a hundred tokens become four hundred, which every model takes. */
const LONGER = 4;

export function speedKey({ id, version, files }: ModelManifest): string {
  return `${id} ${version} ${files.map(({ sha256 }) => sha256.slice(0, 12)).join(' ')}`.trim();
}

/**
 * The model's speed at texts of ours, the median of a few runs each; null when a run fails or the signal aborts. The
 * trial is as short as nine runs of a few hundred tokens.
 */
export async function measureSpeed(model: LoadedModel, trial: Trial): Promise<Speed | null> {
  const [example] = exampleInferences(model.manifest);
  if (!example) return null;
  try {
    const short = await median(model, example, trial);
    const long = await median(model, { ...example, text: `${example.text} `.repeat(LONGER) }, trial);
    return speedOf(short, long);
  } catch {
    return null;
  }
}

interface Sample {
  readonly tokens: number;
  readonly ms: number;
}

/** The line through two samples; a short run that was by chance the slower one says only what any run takes. */
export function speedOf(short: Sample, long: Sample): Speed {
  const tokens = long.tokens - short.tokens;
  const perToken = tokens > 0 ? Math.max(0, (long.ms - short.ms) / tokens) : 0;
  return { baseMs: Math.max(0, short.ms - perToken * short.tokens), perThousandMs: perToken * 1000 };
}

async function median(model: LoadedModel, inference: Inference, trial: Trial): Promise<Sample> {
  const samples: Sample[] = [];
  for (let run = 0; run < RUNS; run++) samples.push(await runOnce(model, inference, trial));
  const sorted = samples.sort((a, b) => a.ms - b.ms);
  const middle = sorted[Math.floor(RUNS / 2)];
  if (!middle) throw new Error('a trial has runs');
  return middle;
}

async function runOnce(
  model: LoadedModel,
  inference: Inference,
  { turn, now, signal }: Trial,
): Promise<Sample> {
  await orAborted(turn(), signal);
  const begun = now();
  const pieces = model.run(inference, signal);
  try {
    for (;;) {
      const next = await orAborted(pieces.next(), signal);
      if (next.done) return { tokens: next.value.inputTokens, ms: now() - begun };
    }
  } catch (error) {
    pieces.return({ finishReason: 'stop', inputTokens: 0, outputTokens: 0 }).catch(() => undefined);
    throw error;
  }
}
