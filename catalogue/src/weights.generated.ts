// Written by tools/gen-weights.ts from models/weights; do not edit.
import type { ModelFile } from '@zerogpu/protocol';

export const WEIGHTS: Readonly<Record<string, readonly ModelFile[]>> = {
  'zlm-v1-embed-edge': [
    { path: 'model.zlm', bytes: 15813124, sha256: 'cac525e99277263aff5deb2a9ae9cd472b47846e195c927c7f4e8824424e98ba' },
  ],
  'zlm-v1-extract-edge': [
    { path: 'model.zlm', bytes: 4586764, sha256: '7432bf1566efebe5e10d0f4018e1b6af811e5e8afa7c4d39329d50ece5887b2e' },
  ],
  'zlm-v1-followup-questions-edge': [
    { path: 'model.zlm', bytes: 581659, sha256: 'dd180829c8b6a2db1046dc881659b3588cdf613bd358b3dd21734933d7302748' },
  ],
  'zlm-v1-iab-classify-cloud': [
    { path: 'model.zlm', bytes: 180, sha256: 'ac4825b3beed79de8ba59e1f168c1d011f45d0c7117d276696e32a7e6f837d2d' },
  ],
  'zlm-v1-iab-classify-edge': [
    { path: 'model.zlm', bytes: 9985912, sha256: '656d8a4006553f8631263dbbf9181f346ca6f69b50faf6d81a1c228eb0d063c6' },
  ],
  'zlm-v1-iab-classify-edge-enriched': [
    { path: 'model.zlm', bytes: 566076, sha256: 'b86418c4572dc4e3b983cc43cff8dc694ce8ff491b2f7e3488e0bcc4376ac345' },
  ],
  'zlm-v1-moderation-edge': [
    { path: 'model.zlm', bytes: 200232, sha256: '384e272ecf235f49999b83ca55a7558281adb58d6c3686c48d50bc8046d1b0a3' },
  ],
  'zlm-v1-pii-edge': [
    { path: 'model.zlm', bytes: 1456360, sha256: 'fa49d74b5edea6ac782d6e34852845779803e7defa23eec5b2ade9fa8244135d' },
  ],
  'zlm-v1-summary-cloud': [
    { path: 'model.zlm', bytes: 414260, sha256: '2b19e3b5dd0b6381e410531e20fd2d163a4ee85d4606a1624a1bfe01f1b30391' },
  ],
  'zlm-v1-zeroshot-edge': [
    { path: 'model.zlm', bytes: 1383350, sha256: 'c8c3720f1b40a67f0e4144196429245c828b87b78174199df81eb50e65999fa1' },
  ],
};
