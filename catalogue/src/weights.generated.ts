// Written by tools/gen-weights.ts from models/weights; do not edit.
import type { ModelFile } from '@zerogpu/protocol';

export const WEIGHTS: Readonly<Record<string, readonly ModelFile[]>> = {
  'zlm-v1-embed-edge': [
    { path: 'model.zlm', bytes: 15806388, sha256: 'a35322566059da72d4495a54245f6b398d7d8cbea29992cbf16dc8c1f9f7b434' },
  ],
  'zlm-v1-iab-classify-edge': [
    { path: 'model.zlm', bytes: 9224008, sha256: '9268c835bd7e4d5db14ecd1bcf8c34c14769a3c773a96b74bef5e574562e5a00' },
  ],
  'zlm-v1-summary-cloud': [
    { path: 'model.zlm', bytes: 414260, sha256: '59dc10b8cbfdfad382f139268aa89452b9afc00841e08f16e6370bf5acc0b3f9' },
  ],
};
