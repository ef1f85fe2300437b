/**
 * The models of this project: weights in the repository, the same bytes on every machine.
 * Prices are per 1M tokens in the public list, and per token here: $0.02 per 1M is 20 nano-dollars a token.
 */
import type { ModelFile, ModelManifest, Route, Task } from '@zerogpu/protocol';
import { WEIGHTS } from './weights.generated.ts';

export const PRICE = { inputPerToken: 20n, outputPerToken: 50n };
const MIB = 1024 * 1024;
/** What everything is trained on; a model that saw more adds it. */
const CORPORA = 'Weights trained on Wikipedia (CC BY-SA 3.0) and Wikinews (CC BY 2.5) texts';
const ENCODER_NOTICE = `${CORPORA}; on BANKING77, the sentence polarity set and the opinion lexicon (CC BY 4.0), CLINC150 (CC BY 3.0) and the VADER sentiment lexicon (MIT)`;
const IAB_NOTICE = `${CORPORA}; on BANKING77 (CC BY 4.0), CLINC150 (CC BY 3.0) and SIB-200 (CC BY-SA 4.0); IAB taxonomies by IAB Tech Lab (CC BY 3.0)`;

const ZERO_SHOT_NOTICE =
  'Weights hold the VADER sentiment lexicon (MIT) and the Opinion Lexicon by Minqing Hu and Bing Liu (CC BY 4.0); sentences of SIB-200 (CC BY-SA 4.0), CLINC150 (CC BY 3.0) and BANKING77 (CC BY 4.0)';

const PII_NOTICE = `${CORPORA}; on WNUT17, Broad Twitter Corpus and wikigold (CC BY 4.0) and SIB-200 (CC BY-SA 4.0); first names of the Names Corpus 1.3 by Mark Kantrowitz and Bill Ross`;

/** A built-in without weights in this copy of the repository has no files, and no node announces it. */
function filesOf(id: string): readonly ModelFile[] {
  return WEIGHTS[id] ?? [];
}

interface BuiltIn
  extends Pick<ModelManifest, 'description' | 'maxTokens' | 'maxOutputTokens'>,
    Partial<Pick<ModelManifest, 'version' | 'needs' | 'errorOnMaxToken' | 'price'>> {
  readonly task: Task;
  /** The task's own route, beside the two that every model answers on. */
  readonly route?: Route;
  readonly notice?: string;
  readonly memoryMiB: number;
}

function builtIn(id: string, model: BuiltIn): ModelManifest {
  const { task, description, maxTokens, maxOutputTokens, route, notice = CORPORA, memoryMiB } = model;
  return {
    id,
    task,
    family: 'built-in',
    version: model.version ?? '1',
    runtime: 'zlm',
    description,
    params: null,
    maxTokens,
    errorOnMaxToken: model.errorOnMaxToken ?? false,
    maxOutputTokens,
    price: model.price ?? PRICE,
    tokenizer: 'zlm',
    routes: ['responses', 'chat/completions', ...(route ? [route] : [])],
    deterministic: true,
    licence: { id: 'Apache-2.0', notice },
    files: filesOf(id),
    needs: model.needs ?? [],
    hub: null,
    standIn: null,
    memoryBytes: memoryMiB * MIB,
  };
}

export const BUILT_IN: readonly ModelManifest[] = [
  builtIn('zlm-v1-embed-edge', {
    task: 'embedding',
    description: 'Turns a text into a vector: near vectors, near meanings',
    maxTokens: 8192,
    errorOnMaxToken: true,
    maxOutputTokens: 8192,
    price: { ...PRICE, outputPerToken: 0n },
    route: 'embeddings',
    notice: ENCODER_NOTICE,
    memoryMiB: 32,
  }),
  builtIn('zlm-v1-summary-cloud', {
    task: 'summarization',
    description: 'Picks the one to four sentences that carry a text, unchanged and in order',
    maxTokens: 8192,
    maxOutputTokens: 1024,
    route: 'summary',
    memoryMiB: 64,
  }),
  builtIn('zlm-v1-iab-classify-edge', {
    task: 'iab-classification',
    description: 'Names the IAB content categories (1.0 and 2.2) and audience segments that fit a text',
    maxTokens: 400,
    maxOutputTokens: 2048,
    route: 'usecase/classify/iab',
    notice: IAB_NOTICE,
    memoryMiB: 64,
  }),
  builtIn('zlm-v1-iab-classify-edge-enriched', {
    task: 'iab-profile',
    description: 'IAB categories and segments with their ids and parents, topics, keywords and user intent',
    maxTokens: 400,
    maxOutputTokens: 4096,
    route: 'usecase/classify/iab',
    notice: IAB_NOTICE,
    needs: ['zlm-v1-iab-classify-edge'],
    memoryMiB: 32,
  }),
  builtIn('zlm-v1-iab-classify-cloud', {
    task: 'iab-profile',
    description: 'The enriched IAB profile for long texts',
    maxTokens: 8192,
    maxOutputTokens: 4096,
    route: 'usecase/classify/iab',
    notice: IAB_NOTICE,
    needs: ['zlm-v1-iab-classify-edge', 'zlm-v1-iab-classify-edge-enriched'],
    memoryMiB: 32,
  }),
  builtIn('zlm-v1-zeroshot-edge', {
    task: 'zero-shot-classification',
    description: 'Scores any labels that you name against a text: topics, intents, sentiment, emotion',
    maxTokens: 400,
    errorOnMaxToken: true,
    maxOutputTokens: 8192,
    notice: ZERO_SHOT_NOTICE,
    needs: ['zlm-v1-embed-edge'],
    memoryMiB: 32,
  }),
  builtIn('zlm-v1-extract-edge', {
    task: 'extraction',
    description: 'Finds entities, fills JSON records and classifies, by labels and schemas that you name',
    maxTokens: 800,
    errorOnMaxToken: true,
    maxOutputTokens: 8192,
    route: 'gliner',
    needs: ['zlm-v1-embed-edge', 'zlm-v1-zeroshot-edge', 'zlm-v1-pii-edge'],
    memoryMiB: 32,
  }),
  builtIn('zlm-v1-pii-edge', {
    task: 'pii',
    description: 'Finds and masks personal data in English, French, German, Spanish, Italian and Portuguese',
    maxTokens: 800,
    errorOnMaxToken: true,
    maxOutputTokens: 16_384,
    route: 'gliner',
    notice: PII_NOTICE,
    memoryMiB: 32,
  }),
  builtIn('zlm-v1-followup-questions-edge', {
    task: 'follow-up-questions',
    description: 'Asks three questions that a text leaves open',
    maxTokens: 400,
    maxOutputTokens: 256,
    memoryMiB: 32,
  }),
  builtIn('zlm-v1-moderation-edge', {
    task: 'moderation',
    description: 'Flags harassment, hate, self-harm, sexual, violent and illicit content, in 13 categories',
    maxTokens: 8192,
    maxOutputTokens: 512,
    route: 'moderations',
    notice: `${CORPORA}; on the VADER sentiment lexicon (MIT)`,
    memoryMiB: 32,
  }),
];
