import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { JOIN_TOKEN_PREFIX, makeSecret } from '@zerogpu/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readNodeConfig } from '../node-platform/config.ts';
import {
  flagsHelp,
  inOurWords,
  nodeArguments,
  readCommandLine,
  readToken,
  type TokenSources,
} from './options.ts';
import { StateFolder } from './state-folder.ts';

const TOKEN = makeSecret(JOIN_TOKEN_PREFIX);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'zerogpu-options-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('the join token', () => {
  const from = (sources: Partial<TokenSources>) =>
    readToken({
      positional: undefined,
      file: null,
      inAddress: null,
      env: undefined,
      readInput: async () => '',
      ...sources,
    });

  it('stands on the line, in a file, in the link, in the environment, or comes in', async () => {
    const file = path.join(folder, 'token');
    await writeFile(file, `${TOKEN}\n`);
    expect(await from({ positional: TOKEN })).toBe(TOKEN);
    expect(await from({ positional: file })).toBe(TOKEN);
    expect(await from({ file })).toBe(TOKEN);
    expect(await from({ inAddress: TOKEN })).toBe(TOKEN);
    expect(await from({ env: TOKEN })).toBe(TOKEN);
    expect(await from({ positional: '-', readInput: async () => ` ${TOKEN} ` })).toBe(TOKEN);
    expect(await from({ positional: TOKEN, env: 'other' })).toBe(TOKEN);
    expect(await from({})).toBeNull();
  });

  it.each([
    [TOKEN.slice(0, -1), 'is not whole'],
    ['hello', 'neither a join token'],
    ['-', 'the standard input holds is no join token'],
  ])('%j is none, and is told why without being repeated', async (positional, words) => {
    await expect(from({ positional })).rejects.toThrow(words);
  });
});

describe('limits', () => {
  it('are kept as they were given, and read by the node as its own program reads them', async () => {
    const given = [
      '--name',
      'desk',
      '--memory=512',
      '--cpu-share',
      '25',
      '--models',
      'zlm-*',
      '--only-when-idle',
    ];
    const line = readCommandLine(
      ['http://x:1', ...given, '--state', folder, '--token-file', 'f', '--plain'],
      ['plain'],
      true,
    );
    expect(line.limits).toEqual({
      name: 'desk',
      memory: '512',
      'cpu-share': '25',
      models: 'zlm-*',
      'only-when-idle': 'true',
    });
    expect([line.state, line.tokenFile, line.positionals, line.has('plain')]).toEqual([
      folder,
      'f',
      ['http://x:1'],
      true,
    ]);
    const state = new StateFolder(folder);
    await state.join({ gateway: 'http://x:1', flags: line.limits }, TOKEN);
    const settings = await state.settings();
    const args = await nodeArguments(settings!, state, { name: 'attic' });
    expect(args.filter((arg) => arg.startsWith('--cpu') || arg === '--idle-only')).toEqual([
      '--cpu=25',
      '--idle-only',
    ]);
    expect(readNodeConfig(args, {})).toMatchObject({
      gatewayUrl: 'ws://x:1/v1/nodes/connect',
      joinToken: { file: path.join(folder, 'join-token') },
      stateDir: folder,
      memoryBytes: 512 * 1024 * 1024,
      name: 'attic',
    });
  });

  it('are told wrong by the names that were typed', () => {
    expect(inOurWords('--cpu must be an integer; --only, --memory')).toBe(
      '--cpu-share must be an integer; --models, --memory',
    );
  });

  it('that nobody knows are refused, and those of other commands', () => {
    expect(() => readCommandLine(['--cpu-shares', '1'], [], true)).toThrow(/Unknown option '--cpu-shares'/);
    expect(() => readCommandLine(['--memory', '1'], [], false)).toThrow(/Unknown option '--memory'/);
    expect(() => readCommandLine(['--purge'], ['plain'], true)).toThrow(/--help lists what there is/);
  });

  it('are listed with what they mean', () => {
    const help = flagsHelp(['plain'], true);
    expect(help).toContain('--memory MB');
    expect(help).not.toContain('--gateway');
    expect(flagsHelp([], false)).not.toContain('--memory');
  });
});
