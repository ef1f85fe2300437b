import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { browserFiles, checkBrowserSafe } from './check-browser-safe.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'browser-safe-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function messages(text: string): string[] {
  writeFileSync(path.join(folder, 'x.ts'), `${text}\nexport {};\n`);
  return checkBrowserSafe(['x.ts'], folder).map(
    (finding) => `${finding.file}:${finding.line} ${finding.message}`,
  );
}

it.each(["import 'node:fs';", 'process.exit();', "Buffer.from('');", 'setImmediate(() => {});'])(
  'refuses %s',
  (text) => {
    const found = messages(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^x\.ts:1 /);
  },
);

it('knows what browsers know', () => {
  expect(
    messages('fetch(location.href); crypto.getRandomValues(new Uint8Array(4)); new WebSocket("");'),
  ).toEqual([]);
});

it('leaves tests and native halves aside', () => {
  const files = [
    'protocol/src/ids.ts',
    'protocol/src/ids.test.ts',
    'node/src/main.ts',
    'node/src/work.ts',
    'gateway/src/way.ts',
    'gateway/src/pages/pages.ts',
    'gateway/src/pages/browser/page.js',
  ];
  expect(browserFiles(files)).toEqual([
    'protocol/src/ids.ts',
    'node/src/work.ts',
    'gateway/src/pages/browser/page.js',
  ]);
});
