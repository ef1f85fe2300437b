import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partsOf, segmented, undisguise, unstretched } from './disguise.ts';
import { fold } from './fold.ts';
import { Lexicon } from './lexicon.ts';

const lexicon = new Lexicon(
  ['bad*\tidiot', 'bad*\tfuck', 'bad*\tkill', 'bad*\tgoon', 'order\tshut up', 'plain\tclass', 'plain\twall'],
  ['=the|you'],
);

test.each([
  ['1d10t', 'idiot'],
  ['f*ck', 'fuck'],
  ['f**k', 'fuck'],
  ['f.u.c.k', 'fuck'],
  ['k-i-l-l', 'kill'],
  ['fuuuuck', null],
  ['1ddiiiot', 'idiot'],
  // Too little of the word is left.
  ['f***', null],
  ['****', null],
  ['1010', null],
  // Ordinary words are not looked for in disguise.
  ['c1ass', null],
  ['e.g.', null],
  ['3.5', null],
])('%s hides %s', (chunk, word) => {
  expect(undisguise(chunk, lexicon)).toBe(word);
});

test.each([
  ['fuuuck', 'fuck'],
  ['idiooot', 'idiot'],
  ['kiiill', 'kill'],
  ['goooon', 'goon'],
  ['fuck', null],
  ['classs', null],
])('%s stretches %s', (word, plain) => {
  expect(unstretched(word, lexicon)).toBe(plain);
});

test.each([
  ['ShutUpIdiot', ['shut', 'up', 'idiot']],
  ['shutyou', ['shut', 'you']],
  ['killtheidiot', ['kill', 'the', 'idiot']],
  ['harbour', ['harbour']],
  ['Wall2024', ['wall', '2024']],
])('#%s is %j', (tag, parts) => {
  expect(partsOf(tag, lexicon)).toEqual(parts);
});

test('a run of letters is cut into known words or not at all', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'killtheyou'), maxLength: 60 }), (run) => {
      const parts = segmented(run, lexicon);
      if (parts) expect(parts.join('')).toBe(run);
    }),
  );
});

test.each([
  ['Große Straße', 'Grosse Strasse'],
  ['ｆｏｏ', 'foo'],
  ['𝐟𝐨𝐨 𝒃𝒂𝒓', 'foo bar'],
  ['🅵🅾🅾', 'foo'],
  ['ⓕⓞⓞ', 'foo'],
  ['fo\u200bo\u0301', 'foo'],
  ['іԁіоt', 'idiot'],
  ['don’t', "don't"],
  ['Plain ASCII', 'Plain ASCII'],
  ['漢字 😀', '漢字 😀'],
])('%s is read as %s', (text, folded) => {
  expect(fold(text)).toBe(folded);
});
