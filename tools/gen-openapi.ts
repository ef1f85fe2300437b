/** Writes `protocol/openapi.json` from the schemas and the error table; `--check` only tells whether it is up to date. */
import { openApiDocument } from '@zerogpu/protocol';
import { type Generated, writeOrCheck } from './generated.ts';
import { isProgram } from './repo.ts';

export function openApi(): Generated {
  return { file: 'protocol/openapi.json', text: `${JSON.stringify(openApiDocument(), null, 2)}\n` };
}

if (isProgram(import.meta)) writeOrCheck([openApi()], process.argv.includes('--check'), 'npm run gen');
