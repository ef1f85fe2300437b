/** Targets that do what a script says by the clock of the test, and tell what became of each run. */
import { type Choice, type FailureKind, type Target, type TargetAnswer, TargetFailure } from '../flow.ts';
import { factsOf } from './facts.ts';

export interface TargetScript {
  readonly kind?: Target['kind'];
  /** After so many milliseconds each piece is said, one after the other. */
  readonly pieces?: readonly (readonly [afterMs: number, text: string])[];
  /** After so many milliseconds more it answers or fails; never when it is null. */
  readonly endsAfterMs: number | null;
  readonly fails?: FailureKind;
  readonly text?: string;
  /** Whether it says that a run would begin at once. */
  readonly idle?: boolean;
  /** Whether it says that its runs still wait for their turn. */
  readonly waits?: boolean;
  /** Whether it gives a sign of life; absent cannot be asked. */
  readonly alive?: boolean;
  readonly predictedMs?: number | null;
}

export interface ScriptedTarget extends Target {
  /** What became of each run, in order. */
  readonly ends: ('answered' | 'failed' | 'cancelled')[];
  /** Slots that are taken. */
  readonly inFlight: number;
  readonly asked: number;
}

export const TEXT = 'The sky is blue.';

const answer = (text: string): TargetAnswer => {
  const counts = { usage: null, queueMs: 0, modelMs: 1 };
  return { text, reasoning: null, toolCalls: [], finishReason: 'stop', ...counts };
};

const after = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', aborted);
      resolve();
    }, ms);
    signal.addEventListener('abort', aborted, { once: true });
  });
const never = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

export function scripted(id: string, script: TargetScript): ScriptedTarget {
  const ends: ScriptedTarget['ends'] = [];
  const state = { inFlight: 0, asked: 0 };
  const run: Target['run'] = async (_inference, _deadline, sink, signal) => {
    signal.throwIfAborted();
    state.inFlight++;
    let end: ScriptedTarget['ends'][number] = 'failed';
    try {
      for (const [ms, text] of script.pieces ?? []) {
        await after(ms, signal);
        sink?.piece('text', text);
      }
      await (script.endsAfterMs === null ? never(signal) : after(script.endsAfterMs, signal));
      if (script.fails) throw new TargetFailure(script.fails, `${id} says ${script.fails}`, 'input');
      end = 'answered';
      return answer(script.text ?? TEXT);
    } catch (error) {
      if (signal.aborted) end = 'cancelled';
      throw error;
    } finally {
      ends.push(end);
      state.inFlight--;
    }
  };
  return {
    kind: script.kind ?? 'node',
    organizationId: null,
    id,
    ...(script.kind === 'upstream' ? {} : { facts: factsOf(id) }),
    ends,
    get inFlight() {
      return state.inFlight;
    },
    get asked() {
      return state.asked;
    },
    run,
    idle: () => script.idle ?? true,
    waits: () => script.waits ?? false,
    ...(script.alive === undefined
      ? {}
      : {
          alive: async (withinMs: number) => {
            state.asked++;
            if (!script.alive) await after(withinMs, new AbortController().signal);
            return script.alive ?? true;
          },
        }),
  };
}

export function choiceOf(target: Target, predictedMs: number | null = 1): Choice {
  return { target, predictedMs, fallback: target.kind === 'upstream', why: null };
}
