/**
 * Every model that the platform knows, with its limits and prices. A model is here before anything can run it.
 * Prices are per 1M tokens in the public list, and per token here: $0.02 per 1M is 20 nano-dollars a token.
 */
import type { ModelFile, ModelManifest } from '@zerogpu/protocol';
import { WEIGHTS } from './weights.generated.ts';

const PRICE = { inputPerToken: 20n, outputPerToken: 50n };
const OUR_LICENCE = {
  id: 'Apache-2.0',
  notice: 'Weights trained on Wikipedia (CC BY-SA 3.0) and Wikinews (CC BY 2.5) texts',
};

/** A built-in without weights in this copy of the repository has no files, and no node announces it. */
function filesOf(id: string): readonly ModelFile[] {
  return WEIGHTS[id] ?? [];
}

const builtIn = {
  family: 'built-in',
  runtime: 'zlm',
  tokenizer: 'zlm',
  price: PRICE,
  routes: ['responses', 'chat/completions'],
  deterministic: true,
} as const;

/**
 * Chat models with open weights. Their input is counted with our tokenizer, which is good enough for limits and
 * reservations; what is charged is the count of the upstream that the operator trusts to serve them.
 */
const hubChat = {
  family: 'hub',
  task: 'chat',
  runtime: 'llama',
  tokenizer: 'zlm',
  price: PRICE,
  errorOnMaxToken: true,
  maxOutputTokens: 4096,
  routes: ['responses', 'chat/completions'],
  deterministic: false,
  files: [],
} as const;

export const MANIFESTS: readonly ModelManifest[] = [
  {
    ...builtIn,
    id: 'zlm-v1-summary-cloud',
    task: 'summarization',
    version: '1',
    description: 'Picks the one to four sentences that carry a text, unchanged and in order',
    params: null,
    maxTokens: 8192,
    errorOnMaxToken: false,
    maxOutputTokens: 1024,
    licence: OUR_LICENCE,
    files: filesOf('zlm-v1-summary-cloud'),
    memoryBytes: 64 * 1024 * 1024,
  },
  {
    ...builtIn,
    id: 'zlm-v1-iab-classify-edge',
    task: 'iab-classification',
    version: '1',
    description: 'Names the IAB content categories (1.0 and 2.2) and audience segments that fit a text',
    params: null,
    maxTokens: 400,
    errorOnMaxToken: false,
    maxOutputTokens: 2048,
    licence: {
      ...OUR_LICENCE,
      notice: `${OUR_LICENCE.notice}; on BANKING77 (CC BY 4.0), CLINC150 (CC BY 3.0) and SIB-200 (CC BY-SA 4.0); IAB taxonomies by IAB Tech Lab (CC BY 3.0)`,
    },
    files: filesOf('zlm-v1-iab-classify-edge'),
    memoryBytes: 64 * 1024 * 1024,
  },
  {
    ...hubChat,
    id: 'LFM2.5-1.2B-Instruct',
    version: 'hub',
    description: 'Small general chat model by Liquid AI',
    params: 1_200_000_000,
    maxTokens: 32_768,
    licence: { id: 'LFM Open License v1.0', notice: null },
    memoryBytes: 1024 * 1024 * 1024,
  },
  {
    ...hubChat,
    id: 'LFM2.5-1.2B-Thinking',
    version: 'hub',
    description: 'Small chat model by Liquid AI that reasons before it answers',
    params: 1_200_000_000,
    maxTokens: 32_768,
    licence: { id: 'LFM Open License v1.0', notice: null },
    memoryBytes: 1024 * 1024 * 1024,
  },
  {
    ...hubChat,
    id: 'llama-3.1-8b-instruct-fast',
    version: 'hub',
    description: 'General chat and summarization model by Meta',
    params: 8_030_000_000,
    maxTokens: 131_072,
    licence: { id: 'Llama 3.1 Community License', notice: 'Built with Llama' },
    memoryBytes: 6 * 1024 * 1024 * 1024,
  },
];

const byId = new Map(MANIFESTS.map((manifest) => [manifest.id, manifest]));

export function findManifest(id: string): ModelManifest | undefined {
  return byId.get(id);
}
