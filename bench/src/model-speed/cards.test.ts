import { expect, test } from 'vitest';
import { withSpeed } from './cards.ts';

const SECTION = '## Speed\n\nnew\n';

test('replaces the section on speed up to the next heading, and nothing else', () => {
  const card = '# m\n\n## Speed\n\nold\n| 1 |\n\n### more\n\n## What it gets wrong\n\n- all\n';
  expect(withSpeed(card, SECTION)).toBe(`# m\n\n${SECTION}\n## What it gets wrong\n\n- all\n`);
});

test('replaces a last section, and adds a missing one', () => {
  expect(withSpeed('# m\n\n## Speed\nold', SECTION)).toBe(`# m\n\n${SECTION}`);
  expect(withSpeed('# m\n\ntext\n\n', SECTION)).toBe(`# m\n\ntext\n\n${SECTION}`);
  expect(withSpeed(withSpeed('# m\n', SECTION), SECTION)).toBe(withSpeed('# m\n', SECTION));
});
