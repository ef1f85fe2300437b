/** A real browser for tests: the one of the system, because none is downloaded. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { describe } from 'vitest';

const CHROMIUM = process.env['ZEROGPU_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--no-first-run',
  '--disable-sync',
  '--disable-component-update',
];

/** A group of tests that is skipped, and says so, where there is no Chromium and `ZEROGPU_TEST_REQUIRE` does not name it. */
export function describeInChromium(name: string, tests: () => void): void {
  const isRequired = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(/[ ,]+/).includes('chromium');
  const isThere = existsSync(CHROMIUM);
  if (!isThere) {
    console.warn(
      `Skipped, no browser at ${CHROMIUM}: install it (Debian: apt install chromium) or name one with ZEROGPU_TEST_CHROMIUM`,
    );
  }
  describe.skipIf(!isThere && !isRequired)(name, tests);
}

/** @param more arguments of its command line */
export function launchChromium(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...ARGUMENTS, ...more] });
}
