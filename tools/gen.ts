/** `npm run gen`: writes every generated file of the repository; `--check` only tells whether they are up to date. */
import { adminSdk } from './gen-admin-sdk.ts';
import { openApi } from './gen-openapi.ts';
import { weights } from './gen-weights.ts';
import { writeOrCheck } from './generated.ts';

writeOrCheck([openApi(), adminSdk(), weights()], process.argv.includes('--check'), 'npm run gen');
