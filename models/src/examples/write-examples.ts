/** `npm run models:examples`: writes `models/examples.md`. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadBuiltIn } from '@zerogpu/runtimes';
import { examplesPage } from './examples-page.ts';

const MODELS = path.join(import.meta.dirname, '../..');

const read = async (model: string, file: string) => readFileSync(path.join(MODELS, 'weights', model, file));
writeFileSync(path.join(MODELS, 'examples.md'), await examplesPage((id) => loadBuiltIn(id, read)));
