import { describe, expect, it } from 'vitest';
import { checkImports, packageName, ROOMS, roomOf, type World } from './check-imports.ts';

const none = { dependencies: new Set<string>(), optional: new Set<string>() };
const world: World = {
  rooms: ROOMS,
  declared: new Map(
    ROOMS.map((room) => [
      room.folder,
      room.folder === 'gateway'
        ? { dependencies: new Set(['@zerogpu/protocol', 'ws']), optional: new Set<string>() }
        : none,
    ]),
  ),
  development: new Set(['vitest']),
};

/** What is wrong with one gateway file of this text, leaving unused dependencies aside. */
function messages(file: string, text: string): string[] {
  return checkImports([{ file, text }], world)
    .filter((finding) => finding.line > 0)
    .map((finding) => `${finding.line}: ${finding.message}`);
}

describe('between rooms', () => {
  it('lets a room import what its row names', () => {
    expect(messages('gateway/src/x.ts', "import { ERRORS } from '@zerogpu/protocol';")).toEqual([]);
  });

  it.each([
    ["import { work } from '@zerogpu/node';", 'gateway may not import node'],
    ["import type { Runtime } from '@zerogpu/runtimes';", 'gateway may not import runtimes'],
    ["export * from '@zerogpu/runtimes';", 'gateway may not import runtimes'],
    ["const node = await import('@zerogpu/node');", 'gateway may not import node'],
    ["let x: import('@zerogpu/node').Work;", 'gateway may not import node'],
    ["import { x } from '@zerogpu/protocol/src/ids.ts';", 'an inner file of protocol'],
    ["import { x } from '../../protocol/src/ids.ts';", 'leaves the room (it is in room protocol)'],
    ["import { x } from '../../start.mjs';", 'leaves the room (it is in no room)'],
    ["import { x } from '@zerogpu/gateway';", 'is this room itself'],
    ["import { x } from '@zerogpu/ledger';", '"@zerogpu/ledger" is not declared in gateway/package.json'],
    ["import pg from 'pg';", '"pg" is not declared in gateway/package.json'],
    ["import { it } from 'vitest';", '"vitest" is not declared in gateway/package.json'],
  ])('refuses %s', (text, message) => {
    expect(messages('gateway/src/x.ts', `\n${text}`)).toEqual([
      expect.stringMatching(new RegExp(`^2: .*${message.replace(/[.*()]/g, '\\$&')}`)),
    ]);
  });

  it('lets the sdk import types of protocol and nothing that runs', () => {
    expect(messages('clients/sdk/src/x.ts', "import type { ErrorCode } from '@zerogpu/protocol';")).toEqual(
      [],
    );
    expect(messages('clients/sdk/src/x.ts', "import { type ErrorCode } from '@zerogpu/protocol';")).toEqual(
      [],
    );
    expect(messages('clients/sdk/src/x.ts', "import { ERRORS } from '@zerogpu/protocol';")).toHaveLength(1);
    expect(messages('clients/sdk/src/x.ts', "import '@zerogpu/protocol';")).toHaveLength(1);
  });

  it('lets tests use development packages', () => {
    expect(messages('gateway/src/x.test.ts', "import { it } from 'vitest';")).toEqual([]);
    expect(messages('tests/src/x.ts', "import { it } from 'vitest';")).toEqual([]);
  });

  it('reports a declared dependency that nothing imports', () => {
    const findings = checkImports([{ file: 'gateway/src/x.ts', text: "import ws from 'ws';" }], world);
    expect(findings).toEqual([
      {
        file: 'gateway/package.json',
        line: 0,
        message: '"@zerogpu/protocol" is declared but never imported',
      },
    ]);
  });
});

describe('between the steps of the way', () => {
  it.each([
    [
      'gateway/src/quota/admit.ts',
      "import { x } from '../auth/authenticate.ts';",
      'step quota may not import step auth',
    ],
    [
      'gateway/src/auth/a.ts',
      "import type { X } from '../router/b.ts';",
      'step auth may not import step router',
    ],
    [
      'gateway/src/health.ts',
      "import { x } from './nodes/registry.ts';",
      'health.ts may not import step nodes',
    ],
    [
      'gateway/src/store/db.ts',
      "import { x } from '../metering/settle.ts';",
      'db.ts may not import step metering',
    ],
  ])('%s: %s is refused', (file, text, message) => {
    expect(messages(file, text)).toEqual([expect.stringContaining(message)]);
  });

  it.each([
    ['gateway/src/way.ts', "import { x } from './auth/authenticate.ts';"],
    ['gateway/src/way.test.ts', "import { x } from './auth/authenticate.ts';"],
    ['gateway/src/quota/admit.test.ts', "import { x } from '../auth/authenticate.ts';"],
    ['gateway/src/testing/fleet.ts', "import { x } from '../nodes/registry.ts';"],
    ['gateway/src/quota/admit.test.ts', "import { x } from '../testing/fleet.ts';"],
    ['gateway/src/server.ts', "import { x } from './nodes/registry.ts';"],
    ['gateway/src/quota/admit.ts', "import type { Caller } from '../flow.ts';"],
    ['gateway/src/quota/admit.ts', "import { pool } from '../store/pool.ts';"],
    ['gateway/src/quota/admit.ts', "import { cut } from './cut.ts';"],
    ['node/src/a/x.ts', "import { y } from '../b/y.ts';"],
  ])('%s: %s is allowed', (file, text) => {
    expect(messages(file, text)).toEqual([]);
  });
});

it('finds the innermost room and the package of a specifier', () => {
  expect(roomOf('clients/sdk/src/index.ts')?.folder).toBe('clients/sdk');
  expect(roomOf('start.mjs')).toBeUndefined();
  expect(packageName('@scope/name/inner.js')).toBe('@scope/name');
  expect(packageName('openai/resources')).toBe('openai');
});
