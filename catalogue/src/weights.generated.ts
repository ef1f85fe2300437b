// Written by tools/gen-weights.ts from models/weights; do not edit.
import type { ModelFile } from '@zerogpu/protocol';

export const WEIGHTS: Readonly<Record<string, readonly ModelFile[]>> = {};
