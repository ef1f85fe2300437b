import { plainInference } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHAT } from '../testing/scripted-node.ts';
import { isBareText } from './bare-text.ts';

const NEWS =
  'The council of the harbour town voted on Tuesday to rebuild the old bridge. Engineers had found cracks in two of ' +
  'its pillars last winter. The work will cost 14 million euros and take three years, the mayor said. Ferries will ' +
  'carry commuters across the river meanwhile, and shop owners on the north bank fear for their trade. A first ' +
  'section opens to cyclists in spring. The regional government pays half of the sum.';
const asked = (text: string, changes: object = {}) => ({ ...plainInference(CHAT, text), ...changes });

const SHORT = NEWS.slice(0, NEWS.indexOf(' Ferries'));

test.each([
  NEWS,
  SHORT,
  `${'word '.repeat(500)}end`,
  `Bridge to be rebuilt\n\n${NEWS}`,
  NEWS.replaceAll('. ', '.\n'),
  `  ${NEWS} \n`,
])('an article is a text: %j', (text) => {
  expect(isBareText(asked(text))).toBe(true);
});

describe('a prompt is no text', () => {
  test.each([
    'Hello!',
    'What is the capital of France?',
    'The sky is blue. The sea is blue. The sun is not.',
    `The bridge ${'over the wide and slow river '.repeat(12)}is old. It will be rebuilt`,
    `Summarize the following article: ${NEWS}`,
    `${NEWS}\n\nWrite a poem about this.`,
    `${NEWS} Please answer in German.`,
    `${NEWS} Who pays for it?`,
    `Why was the bridge closed? ${NEWS}`,
    `Article:\n${NEWS}`,
    `${NEWS}\nAnswer:`,
    `You are a pirate. ${NEWS}`,
    `"Translate to French" ${NEWS}`,
    `${NEWS} In one word:`,
  ])('%j', (text) => {
    expect(isBareText(asked(text))).toBe(false);
  });

  test.each([
    { instructions: 'Be brief.' },
    { tools: [{ type: 'function' }] },
    { stop: ['.'] },
    { format: { type: 'json_object' } },
    { messages: [{ role: 'assistant', content: NEWS }] },
    { messages: [1, 2].map(() => ({ role: 'user', content: NEWS })) },
    { messages: [] },
  ])('nor is a text with %j', (changes) => {
    expect(isBareText(asked(NEWS, changes))).toBe(false);
  });
});

test('whatever is sent, it decides', () => {
  const unit = fc.constantFrom('.', '?', ':', '\n', ' ', 'please', 'Write', '😀', '\ud800', 'word');
  fc.assert(
    fc.property(fc.array(unit, { minLength: 100, maxLength: 500 }), (units) => {
      expect(typeof isBareText(asked(units.join('')))).toBe('boolean');
    }),
  );
});
