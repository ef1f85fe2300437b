import { MANIFESTS } from '@zerogpu/catalogue';
import { plainInference, type Route } from '@zerogpu/protocol';
import { describe, expect, test } from 'vitest';
import { CHAT, SUMMARY } from '../testing/scripted-node.ts';
import { chooseModel } from './choose-model.ts';

const HUB = 'gliner2-base-v1';
const BUILT_IN = 'zlm-v1-extract-edge';
const ARTICLE = 'The river rose by two metres on Monday and flooded the old town of Passau. '.repeat(8);

interface Case {
  readonly standIns?: boolean | null;
  readonly byDefault?: boolean;
  readonly allowedModels?: ReadonlySet<string> | null;
  readonly route?: Route;
  readonly served?: readonly string[];
  readonly text?: string;
}

function chosen(model: string, given: Case = {}): string {
  const { standIns = true, byDefault = false, allowedModels = null, route = 'responses' } = given;
  const { served = [BUILT_IN, SUMMARY], text = 'a' } = given;
  const asked = plainInference(model, text);
  const caller = { standIns, allowedModels };
  return chooseModel({ byDefault }, caller, route, asked, (id) => served.includes(id)).model;
}

describe('a built-in stands in', () => {
  test('while nobody serves the hub model', () => {
    expect(chosen(HUB)).toBe(BUILT_IN);
    expect(chosen(HUB, { served: [HUB, BUILT_IN] })).toBe(HUB);
  });

  test('where the project says so, or says nothing and the server does', () => {
    expect(chosen(HUB, { standIns: false, byDefault: true })).toBe(HUB);
    expect(chosen(HUB, { standIns: null, byDefault: true })).toBe(BUILT_IN);
    expect(chosen(HUB, { standIns: null })).toBe(HUB);
  });

  test('when it can be served itself', () => {
    expect(chosen(HUB, { served: [] })).toBe(HUB);
  });

  test('when the project may use both models', () => {
    expect(chosen(HUB, { allowedModels: new Set([HUB]) })).toBe(HUB);
    expect(chosen(HUB, { allowedModels: new Set([BUILT_IN]) })).toBe(HUB);
    expect(chosen(HUB, { allowedModels: new Set([HUB, BUILT_IN]) })).toBe(BUILT_IN);
  });

  test('on a route of both models', () => {
    expect(chosen(HUB, { route: 'gliner' })).toBe(BUILT_IN);
    expect(chosen(HUB, { route: 'summary' })).toBe(HUB);
  });

  test('never for a model that has none, or that nobody knows', () => {
    for (const id of ['LFM2.5-1.2B-Instruct', 'nobody', '__proto__', SUMMARY]) expect(chosen(id)).toBe(id);
  });
});

describe('for a chat model', () => {
  test('only with a text to summarize', () => {
    expect(chosen(CHAT, { text: ARTICLE })).toBe(SUMMARY);
    expect(chosen(CHAT, { text: ARTICLE, route: 'chat/completions' })).toBe(SUMMARY);
    expect(chosen(CHAT, { text: 'Hello!' })).toBe(CHAT);
    expect(chosen(CHAT, { text: 'Hello!', route: 'summary' })).toBe(SUMMARY);
  });

  test('what it was told to do with the text is left out', () => {
    const asked = { ...plainInference(CHAT, 'a'), instructions: 'Summarize.' };
    const caller = { standIns: true, allowedModels: null };
    const inference = chooseModel({ byDefault: false }, caller, 'summary', asked, (id) => id === SUMMARY);
    expect(inference).toEqual(plainInference(SUMMARY, 'a'));
  });
});

test('every stand-in of the catalogue is a built-in that answers wherever its model does', () => {
  const withStandIn = MANIFESTS.filter(({ standIn }) => standIn !== null);
  expect(withStandIn).toHaveLength(4);
  for (const { id, standIn, routes } of withStandIn) {
    const manifest = MANIFESTS.find((other) => other.id === standIn);
    expect(manifest, id).toMatchObject({ family: 'built-in', standIn: null });
    expect(manifest?.routes, id).toEqual(expect.arrayContaining([...routes]));
  }
});
