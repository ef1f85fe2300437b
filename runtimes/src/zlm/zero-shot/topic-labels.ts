/** Labels as directions among texts: a label's own vector, and those of the topics that its words name. */
import { type SentenceEncoder, toUnitLength } from '../encoder/sentence-encoder.ts';
import { exp } from '../numeric.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { wordsOf } from '../words.ts';
import type { ForeignWords } from './foreign-words.ts';

const EXPANSION = 2;
const SHARPNESS = 20;
/** A label that is no nearer to any topic's name is not expanded. */
const NEARNESS = 0.3;
/** Labels come again with every text of a caller; this many are kept. */
const MOST_KNOWN = 512;

export interface TopicLabel {
  /** Of unit length; zeros when nothing in the label is known. */
  readonly vector: Float64Array;
  /** 0 to 1: how far the label is the name of a known topic, so that more than its own words speak for it. */
  readonly share: number;
}

export class TopicLabels {
  readonly residentBytes: number;
  readonly #texts: ForeignWords;
  /** A unit vector for each name. */
  readonly #names: Float32Array;
  /** The topic of each name. */
  readonly #owners: Uint16Array;
  readonly #topics: readonly Float64Array[];
  readonly #known = new Map<string, TopicLabel>();

  /** @throws WeightsError when a tensor is absent or does not fit the others */
  constructor(weights: Weights, encoder: SentenceEncoder, texts: ForeignWords) {
    const names = weights.lines('topics.names');
    const { dimensions } = encoder;
    this.#texts = texts;
    this.#names = new Float32Array(names.length * dimensions);
    for (const [i, name] of names.entries()) this.#names.set(encoder.embed(name), i * dimensions);
    this.#owners = weights.u16('topics.owners', [names.length]);
    this.#topics = weights.lines('topics.terms').map((terms) => topicVector(terms, encoder));
    if (this.#owners.some((topic) => topic >= this.#topics.length)) {
      throw new WeightsError('A name is of a topic that is not there');
    }
    this.residentBytes = (names.length * 4 + (this.#topics.length + MOST_KNOWN) * 8) * dimensions;
  }

  label(label: string): TopicLabel {
    const known = this.#known.get(label);
    if (known) return known;
    const topic = this.#expanded(label);
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(label, topic);
    return topic;
  }

  #expanded(label: string): TopicLabel {
    const vector = this.#texts.embed(label);
    const weights = this.#nearTopics(vector);
    let share = 0;
    for (const weight of weights.values()) share += weight;
    for (const [topic, weight] of weights) {
      const direction = this.#topics[topic]!;
      for (let i = 0; i < vector.length; i++) vector[i]! += EXPANSION * weight * direction[i]!;
    }
    return { vector: toUnitLength(vector), share };
  }

  /** Topics with their weights, which sum to 1 for a label that is a topic's name, and to less for others. */
  #nearTopics(label: Float64Array): Map<number, number> {
    const nearest = new Map<number, number>();
    let best = 0;
    for (const [i, topic] of this.#owners.entries()) {
      const nearness = this.#nearness(label, i);
      if (nearness > (nearest.get(topic) ?? NEARNESS)) nearest.set(topic, nearness);
      best = Math.max(best, nearness);
    }
    let sum = 0;
    for (const [topic, nearness] of nearest) {
      const weight = exp(SHARPNESS * (nearness - best));
      nearest.set(topic, weight);
      sum += weight;
    }
    const share = (best - NEARNESS) / (1 - NEARNESS) / sum;
    for (const [topic, weight] of nearest) nearest.set(topic, weight * share);
    return nearest;
  }

  #nearness(label: Float64Array, name: number): number {
    let sum = 0;
    for (let i = 0, at = name * label.length; i < label.length; i++, at++)
      sum += label[i]! * this.#names[at]!;
    return sum;
  }
}

/** @param terms between commas */
function topicVector(terms: string, encoder: SentenceEncoder): Float64Array {
  const vector = new Float64Array(encoder.dimensions);
  for (const term of terms.split(', ')) {
    const words = wordsOf(term).map((word) => word.text);
    for (const feature of encoder.featuresOf(words)) encoder.addTo(vector, feature);
  }
  return toUnitLength(vector);
}
