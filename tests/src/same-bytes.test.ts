/** The tokenizer and the built-in models give the same bytes in Node and in Chromium (ARCHITECTURE.md). */
import { describeSameBytes } from './support/same-bytes.ts';

describeSameBytes(240);
