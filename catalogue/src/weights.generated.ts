// Written by tools/gen-weights.ts from models/weights; do not edit.
import type { ModelFile } from '@zerogpu/protocol';

export const WEIGHTS: Readonly<Record<string, readonly ModelFile[]>> = {
  'zlm-v1-iab-classify-edge': [
    { path: 'model.zlm', bytes: 9199644, sha256: '636de1231585640c6cd6a8aabda72769207a7e860ba89db203c57db7f123c404' },
  ],
  'zlm-v1-summary-cloud': [
    { path: 'model.zlm', bytes: 414260, sha256: '59dc10b8cbfdfad382f139268aa89452b9afc00841e08f16e6370bf5acc0b3f9' },
  ],
};
