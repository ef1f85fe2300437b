/**
 * Any labels against any text. A label may name a topic or an intent, found by how near its vector is to the text's;
 * a kind of document, found by the text's form and turns of phrase; or a feeling, an attitude or a tone, found by what
 * the text's words express. Which of these counts is decided by what the labels of one request are, all together.
 * Besides, a label whose own words stand in the text is likely.
 */
import { dotProduct, type SentenceEncoder } from '../encoder/sentence-encoder.ts';
import { exp, softmax } from '../numeric.ts';
import type { Weights } from '../weights.ts';
import { wordsOf } from '../words.ts';
import { AffectLexicon } from './affect-lexicon.ts';
import { type AffectLabel, AffectScorer } from './affect-scores.ts';
import { ForeignWords } from './foreign-words.ts';
import { type AskedGenres, Genres } from './genres.ts';
import { mentioned, mentionsOf, ownTerms } from './label-mentions.ts';
import { type TopicLabel, TopicLabels } from './topic-labels.ts';

const TOPIC_SHARPNESS = 14;
/** Of labels judged each by itself: the cosine that is even odds. */
const TOPIC_EVEN = 0.18;
const AFFECT_EVEN = 1.2;
const GENRE_SHARPNESS = 9;
const GENRE_EVEN = 0.4;
/** How much of a kind's name stays a topic: a recipe is about food. */
const TOPIC_OF_GENRE = 0.35;
/** Of a label that names a topic as well ("weather", "recipe"), how far being of another kind is forgiven. */
const KINDNESS = 0.7;
const MENTION = 3.5;
/** A label that is a known topic's name is judged by the topic's terms, and its own words add little. */
const MENTION_OF_TOPIC = 0.35;
/** "A news story" in a text does not make it one. */
const MENTION_OF_GENRE = 0.3;
const LEAST_SHARE = 0.25;
const FULL_SHARE = 0.6;
/** Company counts more: "entertainment" is a kind word, and among topics a topic. */
const OWN_SHARE = 0.35;
const OWN_GENRE_SHARE = 0.6;
const NEGATIONS = new Set(['not', 'non', 'no', 'without', 'never']);

export class ZeroShotModel {
  readonly residentBytes: number;
  readonly #texts: ForeignWords;
  readonly #topics: TopicLabels;
  readonly #affect: AffectScorer;
  readonly #genres: Genres;
  readonly #encoder: SentenceEncoder;

  /** @throws WeightsError when a tensor is absent or does not fit the others */
  constructor(weights: Weights, encoder: SentenceEncoder) {
    const lexicon = new AffectLexicon(weights);
    this.#texts = new ForeignWords(weights, encoder);
    this.#topics = new TopicLabels(weights, encoder, this.#texts);
    this.#affect = new AffectScorer(lexicon);
    this.#genres = new Genres(weights, encoder);
    this.#encoder = encoder;
    const tables = this.#topics.residentBytes + this.#texts.residentBytes + this.#genres.residentBytes;
    this.residentBytes = tables + lexicon.size * 100;
  }

  /**
   * @param labels no two alike
   * @param multiLabel each label by itself, so that several or none may be probable
   * @returns a probability for each label in its order; they sum to 1 unless `multiLabel`
   */
  scores(text: string, labels: readonly string[], multiLabel: boolean): Float64Array {
    const facets = this.#facetsOf(text);
    const asked = labels.map((label) => this.#ask(label));
    const own = ownTerms(labels, this.#encoder);
    const affect = affectShares(asked.map((label) => label.affect.share));
    const genre = genreShares(asked.map((label) => label.genres.share));
    const scores = Float64Array.from(asked, (label, i) => {
      const fit = this.#fit(facets, label, { affect: affect[i]!, genre: genre[i]! });
      const known =
        (1 - (1 - MENTION_OF_TOPIC) * label.topic.share) * (1 - (1 - MENTION_OF_GENRE) * genre[i]!);
      const weight = (1 - affect[i]!) * known;
      return label.sign * (fit + weight * MENTION * mentioned(own[i]!, facets.mentions));
    });
    if (multiLabel) for (let i = 0; i < scores.length; i++) scores[i] = 1 / (1 + exp(-scores[i]!));
    else softmax(scores);
    return scores;
  }

  #facetsOf(text: string): Facets {
    return {
      topic: this.#texts.embed(text),
      affect: this.#affect.text(text),
      genres: this.#genres.text(text),
      mentions: mentionsOf(wordsOf(text)),
    };
  }

  #fit(text: Facets, label: Asked, share: { readonly affect: number; readonly genre: number }): number {
    const topic = TOPIC_SHARPNESS * (dotProduct(text.topic, label.topic.vector) - TOPIC_EVEN);
    const affect = this.#affect.score(text.affect, label.affect) - AFFECT_EVEN;
    const genre = GENRE_SHARPNESS * (this.#genres.fit(text.genres, label.genres) - GENRE_EVEN);
    const named = label.topic.share;
    const against = genre < 0 ? genre * (1 - KINDNESS * named) : genre;
    const kind = against + (TOPIC_OF_GENRE + (1 - TOPIC_OF_GENRE) * KINDNESS * named) * topic;
    const subject = (1 - share.genre) * topic + share.genre * kind;
    return (1 - share.affect) * subject + share.affect * affect;
  }

  /** "not spam" is as far from a text as "spam" is near. */
  #ask(label: string): Asked {
    const words = wordsOf(label);
    const isNegated = words.length > 1 && NEGATIONS.has(words[0]!.text);
    const meant = isNegated ? label.slice(words[1]!.start) : label;
    return {
      topic: this.#topics.label(meant),
      affect: this.#affect.label(meant),
      genres: this.#genres.label(meant),
      sign: isNegated ? -1 : 1,
    };
  }
}

/** What a text is about, expresses, is, and says. */
interface Facets {
  readonly topic: Float64Array;
  readonly affect: Float64Array;
  readonly genres: Float64Array;
  readonly mentions: ReadonlyMap<string, number>;
}

/** What is asked of a text by one label. */
interface Asked {
  readonly topic: TopicLabel;
  readonly affect: AffectLabel;
  readonly genres: AskedGenres;
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

/** The same for kinds of documents, where the label itself counts more: "poem" asks for a kind among any others. */
function genreShares(shares: readonly number[]): number[] {
  let sum = 0;
  for (const share of shares) sum += share;
  const mean = sum / shares.length;
  return shares.map((own) => own * (OWN_GENRE_SHARE + (1 - OWN_GENRE_SHARE) * mean));
}
