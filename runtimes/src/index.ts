/** Ways of running models, behind one interface. */
export {
  type FileSource,
  type LoadedModel,
  ModelInputError,
  type Piece,
  type RunEnd,
  type Runtime,
} from './runtime.ts';
export { dotProduct, SentenceEncoder, toUnitLength } from './zlm/encoder/sentence-encoder.ts';
export { hashOf, LONGEST_NAME, NameLexicon, WordLexicon } from './zlm/entities/lexicon.ts';
export { LinearChain } from './zlm/entities/linear-chain.ts';
export { NAME_TYPES, NameTagger, type NameType } from './zlm/entities/name-tagger.ts';
export { fold } from './zlm/entities/patterns/fold.ts';
export type { Span } from './zlm/entities/span.ts';
export { featuresOf, type Lexicons } from './zlm/entities/tagger-features.ts';
export { type TokenLine, tokenLines } from './zlm/entities/tagger-tokens.ts';
export { type Summary, type SummaryModel, summarize, summaryModel } from './zlm/extractive-summary.ts';
export { FollowUpModel } from './zlm/follow-up-questions/program.ts';
export { IabModel, type IabProfile, type ScoredName } from './zlm/iab/iab-model.ts';
export { type EnrichedProfile, ProfileModel } from './zlm/iab/iab-profile.ts';
export { PROFILE_BOUNDS } from './zlm/iab/profile-programs.ts';
export {
  ModerationFeatures,
  ModerationModel,
} from './zlm/moderation/moderation-model.ts';
export {
  featuresOf as piiFeaturesOf,
  NAME_TYPES as PII_NAME_TYPES,
  TAGS as PII_TAGS,
} from './zlm/pii/features.ts';
export { Gazetteer, type KeyedToken, KNOWN, keyOf } from './zlm/pii/gazetteer.ts';
export { type PiiAnswer, type PiiEntity, piiAnswer } from './zlm/pii/pii.ts';
export { PiiModel } from './zlm/pii/pii-model.ts';
export { type Sentence, splitSentences } from './zlm/sentences.ts';
export { cosine, documentFacts, FEATURES } from './zlm/summary-features.ts';
export { TermTable, termOf } from './zlm/terms.ts';
export { readWeights, Weights, WeightsError } from './zlm/weights.ts';
export { lowerCase, type Word, wordsOf } from './zlm/words.ts';
export { ZeroShotModel } from './zlm/zero-shot/zero-shot-model.ts';
export { loadBuiltIn, WEIGHTS_FILE, zlm } from './zlm/zlm.ts';
