/** As same-bytes.test.ts, with as many requests as a release is held to. */
import { describeSameBytes } from './support/same-bytes.ts';

describeSameBytes(1_000);
