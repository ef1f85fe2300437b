import { Value } from '@sinclair/typebox/value';
import { MANIFESTS } from '@zerogpu/catalogue';
import type { ModelManifest } from '@zerogpu/protocol';
import { ModelList } from '@zerogpu/protocol';
import { describe, expect, test } from 'vitest';
import { CHAT, IAB, SUMMARY } from '../testing/scripted-node.ts';
import { listModels, retrieveModel } from './models.ts';

const available = {
  nodes: ({ id: model }: Pick<ModelManifest, 'id'>) => (model === SUMMARY ? 2 : 0),
  hasFallback: ({ id: model }: Pick<ModelManifest, 'id'>) => model === CHAT,
};

describe('listModels', () => {
  test('has every model of the catalogue, in the published form', () => {
    const list = listModels(available, null);
    expect(Value.Check(ModelList, JSON.parse(JSON.stringify(list)))).toBe(true);
    expect(list.data.map((model) => model.id)).toEqual(MANIFESTS.map((manifest) => manifest.id));
  });

  test('has only what the project may use', () => {
    expect(listModels(available, new Set([IAB, 'gone'])).data.map((model) => model.id)).toEqual([IAB]);
    expect(listModels(available, new Set()).data).toEqual([]);
  });
});

describe('retrieveModel', () => {
  test('says what can serve it now, and its exact price', () => {
    expect(retrieveModel(available, null, SUMMARY)).toMatchObject({
      id: SUMMARY,
      object: 'model',
      owned_by: 'zerogpu',
      zerogpu: {
        available: true,
        edge_nodes: 2,
        fallback: false,
        price_per_million: { input: '0.02', output: '0.05' },
        routes: ['/v1/responses', '/v1/chat/completions', '/v1/summary'],
      },
    });
    expect(retrieveModel(available, null, CHAT).zerogpu).toMatchObject({
      available: true,
      edge_nodes: 0,
      fallback: true,
    });
    expect(retrieveModel(available, null, IAB).zerogpu).toMatchObject({ available: false });
  });

  test('one that the project may not use is as one that does not exist', () => {
    const refusal = (id: string, allowed: Set<string> | null) => {
      try {
        return retrieveModel(available, allowed, id);
      } catch (error) {
        return String(error).replace(id, '…');
      }
    };
    expect(refusal(SUMMARY, new Set([IAB]))).toBe(refusal('nobody', null));
    for (const id of ['__proto__', '', 'toString']) {
      expect(() => retrieveModel(available, null, id)).toThrow(
        expect.objectContaining({ code: 'model_not_found' }),
      );
    }
  });
});
