// Written by tools/gen-weights.ts from models/weights; do not edit.
import type { ModelFile } from '@zerogpu/protocol';

export const WEIGHTS: Readonly<Record<string, readonly ModelFile[]>> = {
  'zlm-v1-iab-classify-edge': [
    { path: 'model.zlm', bytes: 9170796, sha256: 'ed31fe025e3753fdc5a2662c09ea0c72ec656473b0c121b8b3fe7103fc7448d1' },
  ],
  'zlm-v1-summary-cloud': [
    { path: 'model.zlm', bytes: 413604, sha256: '7a51d494aa7fe2759131de603e052d2d041b7394557b0185e22d317408df922f' },
  ],
};
