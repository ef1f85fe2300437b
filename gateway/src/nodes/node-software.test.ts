import { Value } from '@sinclair/typebox/value';
import { CatalogueModel, catalogueModels, VERSION } from '@zerogpu/protocol';
import { expect, test } from 'vitest';
import { CATALOGUE, isOlder, thisSoftware, understandingWith } from './node-software.ts';

const capabilities = { cores: 1, memoryBytes: 0, platform: 'linux-x64', timeZone: 'UTC' };
const gateway = { version: '0.3.0', protocols: { oldest: 2, newest: 3 }, address: 'http://10.0.0.7:8080' };
const COMMAND = "npx --yes 'http://10.0.0.7:8080/node/zerogpu.tgz?0.3.0' node";

test.each([
  ['of the same age', { oldest: 2, newest: 3 }, 3],
  ['older, with one in common', { oldest: 1, newest: 2 }, 2],
  ['newer, with one in common', { oldest: 3, newest: 9 }, 3],
])('a node %s is understood', (_name, protocols, protocol) => {
  const { kind, ...rest } = understandingWith({ capabilities, protocols, software: '0.3.0' }, gateway);
  expect([kind, rest]).toEqual(['understood', { protocol, update: null }]);
});

test('an old node is told how to get newer software, a newer one to wait for the gateway', () => {
  const old = understandingWith({ capabilities, software: '0.1.0' }, gateway);
  expect(old).toEqual({
    kind: 'too_different',
    message: `This node's software is too old for the gateway. Get it with: ${COMMAND} join http://10.0.0.7:8080 (as a service: ${COMMAND} install)`,
  });
  const newer = understandingWith({ capabilities, protocols: { oldest: 4, newest: 4 } }, gateway);
  expect(newer).toMatchObject({
    kind: 'too_different',
    message: expect.stringContaining('update the gateway'),
  });
});

test('a node with older software that is still understood gets a hint; a page is loaded again', () => {
  const hello = { capabilities, protocols: { oldest: 2, newest: 3 }, software: '0.2.9' };
  expect(understandingWith(hello, gateway)).toMatchObject({
    update: { version: '0.3.0', message: expect.stringContaining(`${COMMAND} join`) },
  });
  const page = { ...hello, capabilities: { ...capabilities, deviceClass: 'browser' as const } };
  expect(understandingWith(page, gateway)).toMatchObject({
    update: { message: "Version 0.3.0 of the node's software is out. Load the page again to get it" },
  });
});

test('a node from before versions were told is welcome at this gateway', () => {
  expect(understandingWith({ capabilities }, thisSoftware('http://a'))).toEqual({
    kind: 'understood',
    protocol: 1,
    update: null,
  });
  expect(thisSoftware('http://a').version).toBe(VERSION);
});

test.each([
  ['0.1.0', '0.1.1', true],
  ['0.1.9', '0.2.0', true],
  ['0.9.0', '0.10.0', true],
  ['1.0.0', '0.9.9', false],
  ['0.1.0', '0.1.0', false],
  ['0.1.0-rc.1', '0.1.0', false],
  ['none', '0.1.0', false],
  ['__proto__', '0.1.0', false],
])('%s is older than %s: %s', (version, than, expected) => {
  expect(isOlder(version, than)).toBe(expected);
});

test('the catalogue says what a node can read, and no prices', () => {
  expect(CATALOGUE.length).toBeGreaterThan(0);
  for (const model of CATALOGUE) expect(Value.Check(CatalogueModel, model), model.id).toBe(true);
  const welcome = { type: 'welcome' as const, nodeId: 'n', heartbeatMs: 1000, models: CATALOGUE };
  expect(catalogueModels(JSON.parse(JSON.stringify(welcome)))).toEqual(CATALOGUE);
  expect(JSON.stringify(welcome)).not.toMatch(/price|licence/);
});
