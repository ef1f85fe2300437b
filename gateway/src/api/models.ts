import { findManifest, MANIFESTS } from '@zerogpu/catalogue';
import {
  ApiError,
  formatDollars,
  type ModelEntry,
  type ModelList,
  type ModelManifest,
} from '@zerogpu/protocol';
import { howToServe } from '../how-to-serve.ts';

/** What can serve a model at this moment, of what its caller's texts may be given to. */
export interface Availability {
  nodes(model: ModelManifest): number;
  hasFallback(model: ModelManifest): boolean;
}

/** The first release of the catalogue; OpenAI's clients want a time on every model. */
const CREATED = Date.UTC(2026, 10, 1) / 1000;
const TOKENS_PER_PRICE = 1_000_000n;

/** `GET /v1/models`: the models that a project may use; null allows all. */
export function listModels(available: Availability, allowed: ReadonlySet<string> | null): ModelList {
  const manifests = MANIFESTS.filter((manifest) => allowed === null || allowed.has(manifest.id));
  return { object: 'list', data: manifests.map((manifest) => entryOf(manifest, available)) };
}

/**
 * `GET /v1/models/{id}`
 * @throws ApiError model_not_found, also for a model that the project may not use
 */
export function retrieveModel(
  available: Availability,
  allowed: ReadonlySet<string> | null,
  id: string,
): ModelEntry {
  const manifest = findManifest(id);
  if (!manifest || (allowed !== null && !allowed.has(id))) {
    throw new ApiError('model_not_found', {
      message: `The model "${id.slice(0, 256)}" does not exist`,
      param: 'model',
    });
  }
  return entryOf(manifest, available);
}

function hubOf({ hub }: ModelManifest): ModelEntry['zerogpu']['hub'] {
  return hub && { repository: hub.repository, revision: hub.revision, files: [...hub.paths] };
}

function entryOf(manifest: ModelManifest, available: Availability): ModelEntry {
  const nodes = available.nodes(manifest);
  const fallback = available.hasFallback(manifest);
  const perMillion = (perToken: bigint) => formatDollars(perToken * TOKENS_PER_PRICE).slice(1);
  return {
    id: manifest.id,
    object: 'model',
    created: CREATED,
    owned_by: manifest.family === 'built-in' ? 'zerogpu' : 'hub',
    zerogpu: {
      task: manifest.task,
      family: manifest.family,
      description: manifest.description,
      params: manifest.params,
      max_tokens: manifest.maxTokens,
      error_on_max_token: manifest.errorOnMaxToken,
      max_output_tokens: manifest.maxOutputTokens,
      price_per_million: {
        input: perMillion(manifest.price.inputPerToken),
        output: perMillion(manifest.price.outputPerToken),
      },
      routes: manifest.routes.map((route) => `/v1/${route}`),
      licence: manifest.licence.id,
      licence_notice: manifest.licence.notice,
      hub: hubOf(manifest),
      stand_in: manifest.standIn,
      available: nodes > 0 || fallback,
      edge_nodes: nodes,
      fallback,
      how_to_serve: nodes > 0 || fallback ? null : howToServe(manifest),
    },
  };
}
