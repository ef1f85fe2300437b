import { expect, it } from 'vitest';
import { changedRooms, missingPackages, type Packages, platformEntry } from './check-lockfile.ts';

const packages: Packages = {
  '': { devDependencies: { tool: '1.0.0' } },
  'clients/sdk': { dependencies: { a: '1.0.0' } },
  'node_modules/tool': {
    version: '1.0.0',
    dev: true,
    license: 'MIT',
    optionalDependencies: { '@tool/cli-linux-x64': '1.0.0', '@tool/cli-linux-arm64-musl': '1.0.0' },
  },
  'node_modules/@tool/cli-linux-x64': { version: '1.0.0' },
  'node_modules/a': { version: '1.0.0', dependencies: { b: '^2.0.0' } },
  'node_modules/a/node_modules/b': { version: '2.0.0', dependencies: { tool: '*', c: '1' } },
};

it('finds packages that are named and not there', () => {
  expect(missingPackages(packages)).toEqual([
    { name: '@tool/cli-linux-arm64-musl', range: '1.0.0', by: 'node_modules/tool' },
    { name: 'c', range: '1', by: 'node_modules/a/node_modules/b' },
  ]);
});

it('makes the entry of another platform from its name, and of nothing else', () => {
  const by = packages['node_modules/tool'] ?? {};
  expect(platformEntry({ name: '@tool/cli-linux-arm64-musl', range: '1.0.0', by: '' }, by)).toEqual({
    version: '1.0.0',
    cpu: ['arm64'],
    dev: true,
    libc: ['musl'],
    license: 'MIT',
    optional: true,
    os: ['linux'],
  });
  expect(platformEntry({ name: 'c', range: '1.0.0', by: '' }, by)).toBeNull();
  expect(platformEntry({ name: 'x-linux-x64', range: '^1.0.0', by: '' }, by)).toBeNull();
});

it('finds rooms that changed since', () => {
  const same = (folder: string) => packages[folder] ?? {};
  expect(changedRooms(packages, same)).toEqual([]);
  const more = (folder: string) => (folder === '' ? same('') : { dependencies: { a: '1.0.0', d: '1' } });
  expect(changedRooms(packages, more)).toEqual(['clients/sdk']);
});
