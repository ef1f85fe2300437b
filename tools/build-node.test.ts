import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tarGz } from './archive.ts';
import { ensureNodeBuild, type NodeBuild, NodeBuildError } from './build-node.ts';

let folder: string;
let build: NodeBuild & { made: boolean };
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'zerogpu-build-'));
  build = await ensureNodeBuild(path.join(folder, 'one'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (name: string) => readFileSync(path.join(folder, name));

describe('the software for other devices', () => {
  it('has the same bytes each time it is made', async () => {
    const again = await ensureNodeBuild(path.join(folder, 'two'));
    expect([build.made, again.made]).toEqual([true, true]);
    expect(again.files).toEqual(build.files);
    expect(read('two/zerogpu.tgz').equals(read('one/zerogpu.tgz'))).toBe(true);
  });

  it('is made again only when something changed or is missing', async () => {
    expect((await ensureNodeBuild(path.join(folder, 'one'))).made).toBe(false);
    rmSync(path.join(folder, 'one/browser/worker.js'));
    expect((await ensureNodeBuild(path.join(folder, 'one'))).made).toBe(true);
    const list = path.join(folder, 'one/build.json');
    writeFileSync(list, readFileSync(list, 'utf8').replace(build.inputs, '0'.repeat(64)));
    expect((await ensureNodeBuild(path.join(folder, 'one'))).made).toBe(true);
  });

  it('asks for no package, and has the licence of each that is in it', () => {
    const text = gunzipSync(read('one/zerogpu.tgz')).toString('latin1');
    expect(text).not.toMatch(/"(?:optionalD|peerD|d)ependencies"/);
    expect(text).toContain('"zerogpu": "zerogpu.mjs"');
    // Whatever is imported at the start of a line of a bundle of one file is Node's own.
    const imported = [...text.matchAll(/^import .* from "([^"]+)";$/gm)].map((match) => match[1]);
    expect(imported.length).toBeGreaterThan(0);
    expect(imported.filter((name) => !name?.startsWith('node:'))).toEqual([]);
    for (const name of ['ws', '@sinclair/typebox'])
      expect(text).toMatch(new RegExp(`^${name} \\d.*\\(MIT\\)$`, 'm'));
  });

  it('has nothing of this machine in it', () => {
    for (const { path: name } of build.files) {
      const bytes = read(`one/${name}`);
      const text = (name.endsWith('.tgz') ? gunzipSync(bytes) : bytes).toString('latin1');
      expect(text.includes(import.meta.dirname)).toBe(false);
      expect(text.includes(path.dirname(import.meta.dirname))).toBe(false);
    }
  });

  it('that cannot be written is told in words', async () => {
    writeFileSync(path.join(folder, 'file'), '');
    await expect(ensureNodeBuild(path.join(folder, 'file'))).rejects.toThrow(NodeBuildError);
    await expect(ensureNodeBuild(path.join(folder, 'file'))).rejects.toThrow('Cannot write the software');
  });
});

it('an archive takes no name that would leave its folder’s form', () => {
  const entry = { content: 'x', executable: false };
  for (const name of ['', 'a b', 'ä', 'x'.repeat(101)]) {
    expect(() => tarGz(new Map([[name, entry]]))).toThrow('no path for an archive');
  }
});
