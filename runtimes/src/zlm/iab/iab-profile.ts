/** The IAB profile of a text: categories and segments with their ids, topics, keywords and what its reader is after. */
import { type Weights, WeightsError } from '../weights.ts';
import { wordsOf } from '../words.ts';
import {
  audienceEntries,
  type Content10Entry,
  content10Entries,
  content22Entries,
  type TierEntry,
} from './categories.ts';
import type { IabModel, ScoredName } from './iab-model.ts';
import { KeywordModel } from './keywords.ts';
import { meanProbabilities } from './passages.ts';
import type { ListBounds } from './taxonomy.ts';
import { TopicModel } from './topics.ts';
import { IntentModel, type UserIntent } from './user-intent.ts';

/** Lists are best first. Those of content have at least one entry, the others may be empty. */
export interface EnrichedProfile {
  readonly audience: readonly TierEntry[];
  readonly content: {
    readonly iab_1_0: readonly Content10Entry[];
    readonly iab_2_2: readonly TierEntry[];
  };
  /** Lower case. */
  readonly topics: readonly ScoredName[];
  /** Words and phrases of the text, as written there. */
  readonly keywords: readonly string[];
  readonly user_intent: UserIntent;
}

export class ProfileModel {
  readonly residentBytes: number;
  readonly base: IabModel;
  readonly #topics: TopicModel;
  readonly #keywords: KeywordModel;
  readonly #intents: IntentModel;
  readonly #audienceRoots: ReadonlyMap<string, string>;

  /** @throws WeightsError when a tensor is absent, or the weights were trained beside another base */
  constructor(weights: Weights, base: IabModel) {
    this.base = base;
    this.#topics = new TopicModel(weights, base);
    this.#keywords = new KeywordModel(weights, base);
    this.#intents = new IntentModel(weights, base.content22);
    this.#audienceRoots = new Map(weights.lines('audience.roots').map(rootOf));
    this.residentBytes = this.#topics.residentBytes + this.#intents.residentBytes;
  }

  /** @param passages the text, or its parts in order: the categories are the mean of theirs */
  profile(text: string, passages: readonly string[], bounds: ListBounds): EnrichedProfile {
    const probabilities = meanProbabilities(this.base, passages);
    const content22 = this.base.content22.sums(probabilities);
    const words = wordsOf(text);
    const keywords = this.#keywords.of(text, words, (phrase) => this.#topics.isTitle(phrase));
    return {
      ...this.categories(probabilities, bounds),
      topics: this.#topics.of(words, keywords, probabilities, content22),
      keywords,
      user_intent: this.#intents.of(text, words, content22),
    };
  }

  /** @param probabilities of the base's concepts */
  categories(probabilities: Float64Array, bounds: ListBounds): Pick<EnrichedProfile, 'audience' | 'content'> {
    const { base } = this;
    const content22 = base.content22.sums(probabilities);
    const segments = base.audienceScores(content22);
    return {
      audience: audienceEntries(base.audience, segments, bounds, this.#audienceRoots),
      content: {
        iab_1_0: content10Entries(base.content10, base.content10.sums(probabilities), bounds),
        iab_2_2: content22Entries(base.content22, content22, bounds),
      },
    };
  }
}

/** @param line an id, a space, a name */
function rootOf(line: string): [name: string, id: string] {
  const space = line.indexOf(' ');
  if (space < 0) throw new WeightsError(`"${line}" is no root of the audience taxonomy`);
  return [line.slice(space + 1), line.slice(0, space)];
}
