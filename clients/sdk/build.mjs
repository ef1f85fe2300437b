/**
 * Makes `dist/` (or the folder given), the package as it is published: `npm run build -w @zerogpu/sdk`, then
 * `npm publish ./dist` in this folder. It has a package.json of its own because inside this repository the
 * package's entry is its source, which runs without a build, and a published package must not be TypeScript.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const here = (name) => path.join(import.meta.dirname, name);
const target = path.resolve(process.argv[2] ?? here('dist'));

rmSync(target, { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const args = [tsc, '-p', here('tsconfig.build.json'), '--outDir', target];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// The compiler rewrites the extension of imports in what runs, and leaves it in declarations.
for (const name of readdirSync(target).filter((file) => file.endsWith('.d.ts'))) {
  const file = path.join(target, name);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/(from '\.\/[^']+)\.ts'/g, "$1.js'"));
}

const {
  private: _private,
  scripts: _scripts,
  devDependencies: _development,
  ...manifest
} = JSON.parse(readFileSync(here('package.json'), 'utf8'));
const exports = { '.': { types: './index.d.ts', default: './index.js' } };
writeFileSync(path.join(target, 'package.json'), `${JSON.stringify({ ...manifest, exports }, null, 2)}\n`);
copyFileSync(here('README.md'), path.join(target, 'README.md'));
if (existsSync(here('../../LICENSE'))) copyFileSync(here('../../LICENSE'), path.join(target, 'LICENSE'));
