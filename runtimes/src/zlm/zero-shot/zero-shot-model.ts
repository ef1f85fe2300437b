/**
 * Any labels against any text. A label may name a topic or an intent, found by how near its vector is to the text's;
 * or a feeling, an attitude or a tone, found by what the text's words express. Which of the two counts is decided by
 * what the labels of one request are, all together.
 */
import { dotProduct, type SentenceEncoder } from '../encoder/sentence-encoder.ts';
import { exp, softmax } from '../numeric.ts';
import type { Weights } from '../weights.ts';
import { wordsOf } from '../words.ts';
import { AffectLexicon } from './affect-lexicon.ts';
import { type AffectLabel, AffectScorer } from './affect-scores.ts';
import { ForeignWords } from './foreign-words.ts';
import { TopicLabels } from './topic-labels.ts';

const TOPIC_SHARPNESS = 14;
/** Of labels judged each by itself: the cosine that is even odds. */
const TOPIC_EVEN = 0.18;
const AFFECT_EVEN = 1.2;
const LEAST_SHARE = 0.25;
const FULL_SHARE = 0.6;
/** Company counts more: "entertainment" is a kind word, and among topics a topic. */
const OWN_SHARE = 0.35;
const NEGATIONS = new Set(['not', 'non']);

export class ZeroShotModel {
  readonly residentBytes: number;
  readonly #texts: ForeignWords;
  readonly #topics: TopicLabels;
  readonly #affect: AffectScorer;

  /** @throws WeightsError when a tensor is absent or does not fit the others */
  constructor(weights: Weights, encoder: SentenceEncoder) {
    const lexicon = new AffectLexicon(weights);
    this.#texts = new ForeignWords(weights, encoder);
    this.#topics = new TopicLabels(weights, encoder, this.#texts);
    this.#affect = new AffectScorer(lexicon);
    this.residentBytes = this.#topics.residentBytes + this.#texts.residentBytes + lexicon.size * 100;
  }

  /**
   * @param labels no two alike
   * @param multiLabel each label by itself, so that several or none may be probable
   * @returns a probability for each label in its order; they sum to 1 unless `multiLabel`
   */
  scores(text: string, labels: readonly string[], multiLabel: boolean): Float64Array {
    const vector = this.#texts.embed(text);
    const expressed = this.#affect.text(text);
    const asked = labels.map((label) => this.#ask(label));
    const shares = affectShares(asked.map(({ affect }) => affect.share));
    const scores = Float64Array.from(asked, ({ topic, affect, sign }, i) => {
      const aboutTopic = TOPIC_SHARPNESS * (dotProduct(vector, topic) - TOPIC_EVEN);
      const aboutAffect = this.#affect.score(expressed, affect) - AFFECT_EVEN;
      return sign * ((1 - shares[i]!) * aboutTopic + shares[i]! * aboutAffect);
    });
    if (multiLabel) for (let i = 0; i < scores.length; i++) scores[i] = 1 / (1 + exp(-scores[i]!));
    else softmax(scores);
    return scores;
  }

  /** "not spam" is as far from a text as "spam" is near. */
  #ask(label: string): Asked {
    const words = wordsOf(label);
    const isNegated = words.length > 1 && NEGATIONS.has(words[0]!.text);
    const meant = isNegated ? label.slice(words[1]!.start) : label;
    return { topic: this.#topics.vector(meant), affect: this.#affect.label(meant), sign: isNegated ? -1 : 1 };
  }
}

/** What is asked of a text by one label. */
interface Asked {
  readonly topic: Float64Array;
  readonly affect: AffectLabel;
  readonly sign: number;
}

/** How far each label asks for affect, 0 for topics and 1 for feelings: by itself and by its company. */
function affectShares(shares: readonly number[]): number[] {
  let sum = 0;
  for (const share of shares) sum += share;
  const mean = sum / shares.length;
  return shares.map((own) => {
    const share = (OWN_SHARE * own + (1 - OWN_SHARE) * mean - LEAST_SHARE) / (FULL_SHARE - LEAST_SHARE);
    return Math.max(0, Math.min(1, share));
  });
}
