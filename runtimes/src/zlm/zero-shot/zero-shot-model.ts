/**
 * Any labels against any text. A label may name a topic or an intent, found by how near its vector is to the text's;
 * or a feeling, an attitude or a tone, found by what the text's words express. Which of the two counts is decided by
 * what the labels of one request are, all together.
 */
import { dotProduct, type SentenceEncoder } from '../encoder/sentence-encoder.ts';
import { exp, softmax } from '../numeric.ts';
import type { Weights } from '../weights.ts';
import { AffectLexicon } from './affect-lexicon.ts';
import { AffectScorer } from './affect-scores.ts';
import { TopicLabels } from './topic-labels.ts';

const TOPIC_SHARPNESS = 14;
/** Of labels judged each by itself: the cosine that is even odds. */
const TOPIC_EVEN = 0.3;
const AFFECT_EVEN = 1.2;
const LEAST_SHARE = 0.25;
const FULL_SHARE = 0.6;

export class ZeroShotModel {
  readonly residentBytes: number;
  readonly #encoder: SentenceEncoder;
  readonly #topics: TopicLabels;
  readonly #affect: AffectScorer;

  /** @throws WeightsError when a tensor is absent or does not fit the others */
  constructor(weights: Weights, encoder: SentenceEncoder) {
    const lexicon = new AffectLexicon(weights);
    this.#encoder = encoder;
    this.#topics = new TopicLabels(weights, encoder);
    this.#affect = new AffectScorer(lexicon);
    this.residentBytes = this.#topics.residentBytes + lexicon.size * 100;
  }

  /**
   * @param labels no two alike
   * @param multiLabel each label by itself, so that several or none may be probable
   * @returns a probability for each label in its order; they sum to 1 unless `multiLabel`
   */
  scores(text: string, labels: readonly string[], multiLabel: boolean): Float64Array {
    const vector = this.#encoder.embed(text);
    const expressed = this.#affect.text(text);
    const affectLabels = labels.map((label) => this.#affect.label(label));
    const share = affectShare(affectLabels.map((label) => label.share));
    const scores = Float64Array.from(labels, (label, i) => {
      const topic = TOPIC_SHARPNESS * (dotProduct(vector, this.#topics.vector(label)) - TOPIC_EVEN);
      const affect = this.#affect.score(expressed, affectLabels[i]!) - AFFECT_EVEN;
      return (1 - share) * topic + share * affect;
    });
    if (multiLabel) for (let i = 0; i < scores.length; i++) scores[i] = 1 / (1 + exp(-scores[i]!));
    else softmax(scores);
    return scores;
  }
}

/** How far a set of labels asks for affect: 0 for topics, 1 for feelings. */
function affectShare(shares: readonly number[]): number {
  let sum = 0;
  for (const share of shares) sum += share;
  const mean = sum / shares.length;
  return Math.max(0, Math.min(1, (mean - LEAST_SHARE) / (FULL_SHARE - LEAST_SHARE)));
}
