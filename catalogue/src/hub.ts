/** Models with open weights that the operator brings: pulled from the hub, or served by an upstream. */
import type { ModelManifest } from '@zerogpu/protocol';
import { PRICE } from './built-in.ts';

const MIB = 1024 * 1024;

/**
 * Input is counted with our tokenizer, which is good enough for limits and reservations; what is charged is the
 * count of the upstream that the operator trusts to serve them.
 */
const common = {
  family: 'hub',
  version: 'hub',
  tokenizer: 'zlm',
  price: PRICE,
  errorOnMaxToken: true,
  deterministic: false,
  files: [],
  needs: [],
  standIn: null,
} as const;

const task = { ...common, runtime: 'onnx', routes: ['responses', 'chat/completions'] } as const;
const chat = {
  ...common,
  task: 'chat',
  runtime: 'llama',
  maxOutputTokens: 4096,
  routes: ['responses', 'chat/completions'],
} as const;

export const HUB: readonly ModelManifest[] = [
  {
    ...task,
    id: 'deberta-v3-small',
    task: 'zero-shot-classification',
    description: 'Zero-shot classification by natural language inference',
    params: 142_000_000,
    maxTokens: 400,
    maxOutputTokens: 8192,
    licence: { id: 'Apache-2.0', notice: null },
    hub: {
      repository: 'cross-encoder/nli-deberta-v3-small',
      revision: 'main',
      paths: ['onnx/model.onnx', 'tokenizer.json', 'config.json'],
    },
    standIn: 'zlm-v1-zeroshot-edge',
    memoryBytes: 768 * MIB,
  },
  {
    ...task,
    id: 'gliner2-base-v1',
    task: 'extraction',
    description: 'Entities, JSON records and classification by schema',
    params: 205_000_000,
    maxTokens: 800,
    maxOutputTokens: 8192,
    routes: [...task.routes, 'gliner'],
    licence: { id: 'Apache-2.0', notice: null },
    hub: { repository: 'fastino/gliner2-base-v1', revision: 'main', paths: [] },
    standIn: 'zlm-v1-extract-edge',
    memoryBytes: 1024 * MIB,
  },
  {
    ...task,
    id: 'gliner-multi-pii-v1',
    task: 'pii',
    description: 'Personal data in six languages',
    params: 300_000_000,
    maxTokens: 800,
    maxOutputTokens: 16_384,
    routes: [...task.routes, 'gliner'],
    licence: { id: 'Apache-2.0', notice: null },
    hub: {
      repository: 'onnx-community/gliner_multi_pii-v1',
      revision: 'main',
      paths: ['onnx/model.onnx', 'tokenizer.json', 'gliner_config.json'],
    },
    standIn: 'zlm-v1-pii-edge',
    memoryBytes: 1536 * MIB,
  },
  {
    ...chat,
    id: 'LFM2.5-1.2B-Instruct',
    description: 'Small general chat model by Liquid AI',
    params: 1_200_000_000,
    maxTokens: 32_768,
    licence: { id: 'LFM Open License v1.0', notice: null },
    hub: {
      repository: 'LiquidAI/LFM2.5-1.2B-Instruct-GGUF',
      revision: 'main',
      paths: ['LFM2.5-1.2B-Instruct-Q4_K_M.gguf'],
    },
    memoryBytes: 1024 * MIB,
  },
  {
    ...chat,
    id: 'LFM2.5-1.2B-Thinking',
    description: 'Small chat model by Liquid AI that reasons before it answers',
    params: 1_200_000_000,
    maxTokens: 32_768,
    licence: { id: 'LFM Open License v1.0', notice: null },
    hub: {
      repository: 'LiquidAI/LFM2.5-1.2B-Thinking-GGUF',
      revision: 'main',
      paths: ['LFM2.5-1.2B-Thinking-Q4_K_M.gguf'],
    },
    memoryBytes: 1024 * MIB,
  },
  {
    ...chat,
    id: 'llama-3.1-8b-instruct-fast',
    description: 'General chat and summarization model by Meta',
    params: 8_030_000_000,
    maxTokens: 131_072,
    routes: [...chat.routes, 'summary'],
    licence: { id: 'Llama 3.1 Community License', notice: 'Built with Llama' },
    hub: {
      repository: 'bartowski/Meta-Llama-3.1-8B-Instruct-GGUF',
      revision: 'main',
      paths: ['Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf'],
    },
    standIn: 'zlm-v1-summary-cloud',
    memoryBytes: 6 * 1024 * MIB,
  },
];
