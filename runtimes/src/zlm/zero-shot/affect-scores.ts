/** How well labels that name feelings, attitudes or tones fit what a text expresses. */
import { dotProduct, toUnitLength } from '../encoder/sentence-encoder.ts';
import type { AffectLexicon } from './affect-lexicon.ts';
import { type AffectProfile, AffectReader } from './affect-profile.ts';

const AMPLITUDE = 5;
const NEUTRAL_AT_REST = 0.12;
const DAMPING = 6;
/** Kind words are said without being meant more often than unkind ones. */
const POSITIVE_SHARE = 0.85;

export interface AffectLabel {
  /** Unit length over the axes; zeros for a label without affect. */
  readonly axes: Float64Array;
  /** 0 to 1: how far the label is a word of affect at all. */
  readonly share: number;
}

export class AffectScorer {
  readonly #reader: AffectReader;
  readonly #neutral: number;
  readonly #positive: number;

  constructor(lexicon: AffectLexicon) {
    this.#reader = new AffectReader(lexicon);
    this.#neutral = lexicon.axis('neutral');
    this.#positive = lexicon.axis('positive');
  }

  label(label: string): AffectLabel {
    const { axes, contentTokens } = this.#reader.profile(label);
    let strongest = 0;
    for (const strength of axes) strongest = Math.max(strongest, strength);
    return { axes: toUnitLength(axes), share: Math.min(1, strongest / Math.max(1, contentTokens)) };
  }

  /** What the text expresses, to be held against labels: about 0 to 2 an axis. */
  text(text: string): Float64Array {
    const profile = this.#reader.profile(text);
    return this.#evidence(profile);
  }

  score(text: Float64Array, label: AffectLabel): number {
    return AMPLITUDE * dotProduct(text, label.axes);
  }

  #evidence({ axes, tokens }: AffectProfile): Float64Array {
    const scale = 1 / Math.sqrt(tokens + DAMPING);
    const evidence = axes.map((sum) => sum * scale);
    evidence[this.#positive]! *= POSITIVE_SHARE;
    evidence[this.#neutral] = NEUTRAL_AT_REST;
    return evidence;
  }
}
