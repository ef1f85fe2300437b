/** What a text expresses: how strongly on each axis, negation, emphasis and "but" minded. */
import type { AffectLexicon } from './affect-lexicon.ts';
import { type AffectToken, affectTokens } from './affect-tokens.ts';

/** Words that deny what follows. */
export const NEGATORS: ReadonlySet<string> = new Set(
  (
    'nicht kein keine keinen nie niemals ohne pas jamais sans nunca jamás sin não nem non mai senza ' +
    'not no never neither nor none nobody nothing without cannot cant wont dont doesnt didnt isnt wasnt arent werent ' +
    "couldnt wouldnt shouldnt havent hasnt hadnt aint hardly barely scarcely rarely nowhere lacks lacking ain't can't " +
    "won't don't doesn't didn't isn't wasn't aren't weren't couldn't wouldn't shouldn't haven't hasn't hadn't"
  ).split(' '),
);
const BOOSTERS = new Set(
  (
    'sehr wirklich très vraiment muy molto muito ' +
    'very so really extremely absolutely totally completely utterly incredibly super too such deeply truly highly ' +
    'insanely especially most fucking freaking bloody damn hella soo sooo'
  ).split(' '),
);
const DAMPENERS = new Set(
  'slightly somewhat little bit kinda sorta fairly rather almost partly mildly less'.split(' '),
);
const TURNS = new Set(['but', 'however', 'yet', 'although', 'though']);
const FUNCTION_WORDS = new Set(
  (
    'a an the of and or in on at to for with by is are was were be been am it its this that these those i you he she ' +
    'we they my your his her our their as very so text tone sentiment emotion feeling feelings review mood attitude ' +
    'opinion writer author person someone speaker user customer'
  ).split(' '),
);
/** How many tokens back a negation reaches, and a word of emphasis. */
const NEGATION_REACH = 3;
const EMPHASIS_REACH = 2;
const BOOST = 1.3;
const DAMP = 0.6;
const SHOUT = 1.25;
const BEFORE_TURN = 0.7;
const AFTER_TURN = 1.3;
const EXCLAMATION = 0.08;
const MOST_EXCLAMATIONS = 4;
/** What is left of a negated feeling on the other side: "not good" is less than "bad", "not bad" less than "good". */
const NOT_GOOD = 0.75;
const NOT_BAD = 0.6;

export interface AffectProfile {
  /** A sum per axis. */
  readonly axes: Float64Array;
  readonly tokens: number;
  /** Tokens without articles, auxiliaries, and words that only say that a feeling is named. */
  readonly contentTokens: number;
}

export class AffectReader {
  readonly lexicon: AffectLexicon;
  readonly #positive: number;
  readonly #negative: number;
  readonly #sadness: number;

  constructor(lexicon: AffectLexicon) {
    this.lexicon = lexicon;
    this.#positive = lexicon.axis('positive');
    this.#negative = lexicon.axis('negative');
    this.#sadness = lexicon.axis('sadness');
  }

  profile(text: string): AffectProfile {
    const { tokens, exclamations } = affectTokens(text, (word) => this.lexicon.knows(word));
    const axes = new Float64Array(this.lexicon.axes.length);
    const emphasis = 1 + EXCLAMATION * Math.min(exclamations, MOST_EXCLAMATIONS);
    const allShouted = tokens.every((token) => token.shouted);
    const turn = lastTurn(tokens);
    for (let at = 0; at < tokens.length; ) {
      const found = this.lexicon.find(tokens, at);
      if (found) {
        let weight = emphasis * emphasisBefore(tokens, at);
        if (tokens[at]!.shouted && !allShouted) weight *= SHOUT;
        if (turn >= 0) weight *= at < turn ? BEFORE_TURN : AFTER_TURN;
        this.#add(axes, found.row, weight, isNegated(tokens, at));
      }
      at += found?.length ?? 1;
    }
    const contentTokens = tokens.filter(({ text: word }) => !FUNCTION_WORDS.has(word)).length;
    return { axes, tokens: tokens.length, contentTokens };
  }

  #add(axes: Float64Array, row: number, weight: number, negated: boolean): void {
    const good = this.lexicon.strength(row, this.#positive);
    const bad = this.lexicon.strength(row, this.#negative);
    if (negated) {
      axes[this.#negative]! += weight * good * NOT_GOOD;
      axes[this.#positive]! += weight * bad * NOT_BAD;
      axes[this.#sadness]! += weight * good * NOT_GOOD * 0.5;
      return;
    }
    for (let axis = 0; axis < axes.length; axis++) axes[axis]! += weight * this.lexicon.strength(row, axis);
  }
}

/** The place of the last "but" that has something before it; -1 for none. */
function lastTurn(tokens: readonly AffectToken[]): number {
  for (let at = tokens.length - 2; at > 0; at--) if (TURNS.has(tokens[at]!.text)) return at;
  return -1;
}

function emphasisBefore(tokens: readonly AffectToken[], at: number): number {
  let factor = 1;
  for (let back = 1; back <= EMPHASIS_REACH && at - back >= 0; back++) {
    if (tokens[at - back + 1]!.startsClause) break;
    const word = tokens[at - back]!.text;
    if (BOOSTERS.has(word)) factor *= BOOST;
    else if (DAMPENERS.has(word)) factor *= DAMP;
  }
  return factor;
}

function isNegated(tokens: readonly AffectToken[], at: number): boolean {
  let negations = 0;
  for (let back = 1; back <= NEGATION_REACH && at - back >= 0; back++) {
    if (tokens[at - back + 1]!.startsClause) break;
    if (NEGATORS.has(tokens[at - back]!.text)) negations++;
  }
  return negations % 2 === 1;
}
