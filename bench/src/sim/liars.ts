/**
 * Strangers' fleets of which a part lies, judged by the gateway's own trust states: after how many answers each liar is
 * caught, how many wrong answers left before, and whether an honest node is accused. Rechecks are taken to be right: they are
 * made on nodes that somebody vouches for, of models that give the same bytes everywhere.
 */
import {
  afterRight,
  afterUnchecked,
  KNOWN_SHARE,
  NOTHING_SHOWN,
  recheckShare,
  trustAt,
} from '@zerogpu/gateway';
import { streams } from './random-streams.ts';

export interface LiarKind {
  readonly name: string;
  /** How likely its next answer is wrong. */
  lies(answers: number): number;
  /** 99 of 100 must be caught within so many answers; null where there is no goal. */
  readonly goal: number | null;
}

export const LIARS: readonly LiarKind[] = [
  { name: 'always lies', lies: () => 1, goal: 45 },
  { name: 'lies once it is trusted', lies: (answers) => (answers < 10 ? 0 : 1), goal: 45 + 10 },
  { name: 'lies in one of ten', lies: () => 0.1, goal: 460 },
  { name: 'one of ten once it is trusted', lies: (answers) => (answers < 60 ? 0 : 0.1), goal: 460 + 60 },
];

export interface LiarsResult {
  readonly kind: string;
  readonly share: number;
  readonly nodes: number;
  /** Answers until a liar was caught: the middle one, and the hundredth slowest of a hundred. */
  readonly caughtP50: number;
  readonly caughtP99: number;
  readonly uncaught: number;
  readonly goal: number | null;
  /** Honest nodes that were quarantined. */
  readonly accused: number;
  /** Of all answers that left, those that were wrong. */
  readonly wrongShare: number;
  /** Answers that were computed a second time, for each that left. */
  readonly checkedShare: number;
}

interface Tally {
  left: number;
  wrong: number;
  checked: number;
}

const ANSWERS = 1_000;

export function judgeLiars(kind: LiarKind, share: number, nodes: number, seed: number): LiarsResult {
  const random = streams(`${seed} ${kind.name} ${share}`);
  const liars = Math.round(nodes * share);
  const tally: Tally = { left: 0, wrong: 0, checked: 0 };
  const caught: number[] = [];
  let accused = 0;
  for (let node = 0; node < nodes; node++) {
    const lies = node < liars ? kind.lies : () => 0;
    const after = caughtAfter(lies, random, tally);
    if (node < liars) caught.push(after ?? Number.POSITIVE_INFINITY);
    else if (after !== null) accused++;
  }
  caught.sort((a, b) => a - b);
  const at = (p: number) => caught[Math.max(0, Math.ceil(p * caught.length) - 1)] ?? Number.NaN;
  return {
    kind: kind.name,
    share,
    nodes,
    caughtP50: at(0.5),
    caughtP99: at(0.99),
    uncaught: caught.filter((after) => after === Number.POSITIVE_INFINITY).length,
    goal: kind.goal,
    accused,
    wrongShare: tally.wrong / tally.left,
    checkedShare: tally.checked / tally.left,
  };
}

/** @returns the answer with which it was caught; null when it was not */
function caughtAfter(lies: (answers: number) => number, random: () => number, tally: Tally): number | null {
  let standing = NOTHING_SHOWN;
  for (let answer = 0; answer < ANSWERS; answer++) {
    const wrong = random() < lies(answer);
    const known = random() < KNOWN_SHARE && random() < lies(answer);
    const checkedFirst = trustAt('public', false, standing) === 'probation';
    const checked = checkedFirst || random() < recheckShare(standing);
    // What is found wrong before it leaves is answered by somebody else.
    tally.left++;
    if (checked) tally.checked++;
    if (wrong && !checkedFirst) tally.wrong++;
    if ((checked && wrong) || (!checkedFirst && known)) return answer + 1;
    standing = checked ? afterRight(standing) : afterUnchecked(standing);
  }
  return null;
}
