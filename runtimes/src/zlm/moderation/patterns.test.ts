import { describe, expect, it, test } from 'vitest';
import { WeightsError } from '../weights.ts';
import { Lexicon } from './lexicon.ts';
import { featuresOf, literalsOf, Patterns } from './patterns.ts';
import { clausesOf } from './tokens.ts';

const WORDS = [
  'neg\tnot',
  'neg\tnever',
  'idiom\tkill time',
  'idiom\tbadass',
  'kill\tkill',
  'kill\tget rid of',
  'you\tyou',
];
const LINES = [
  'kill\t<kill> ~2 <you>',
  '!kill_any\t<kill>',
  'start\t^ <kill>',
  'end\t<you> $',
  'will\twill|going_to <kill>',
  'maybe\t<kill> them? all',
  'both\t& kill end -start',
];

function found(text: string, lines: readonly string[] = LINES): string[] {
  const lexicon = new Lexicon(WORDS, literalsOf(lines));
  const patterns = new Patterns(lines, lexicon);
  const names = featuresOf(lines);
  const counts = new Float64Array(names.length);
  for (const clause of clausesOf(text, lexicon)) patterns.match(clause, (feature) => counts[feature]!++);
  patterns.conclude(counts);
  return names.filter((_, i) => counts[i]! > 0);
}

describe('a pattern', () => {
  it.each([
    ['I kill you', ['kill', 'kill_any', 'end', 'both']],
    ['we get rid of one of you', ['kill', 'kill_any', 'end', 'both']],
    // The gap is too long.
    ['I kill one two three you', ['kill_any', 'end']],
    // A full stop ends what belongs together.
    ['I kill. You', ['kill_any', 'end']],
    ['kill you', ['kill', 'kill_any', 'start', 'end']],
    // A negation takes it back, before it and in its gap.
    ['I do not kill you', ['kill_any']],
    ['kill not you', ['kill_any', 'start']],
    ['I am going to kill', ['kill_any', 'will']],
    ['I kill all', ['kill_any', 'maybe']],
    ['I kill them all', ['kill_any', 'maybe']],
    // Words of an idiom mean nothing else.
    ['I kill time with you', ['end']],
    ['', []],
  ])('%s', (text, features) => {
    expect(found(text)).toEqual(features);
  });
});

test.each([
  ['begins with no class', '~2 <kill>'],
  ['no class', '<unknown> <kill>'],
  ['no such gap', '<kill> ~9 <you>'],
  ['too long', Array.from({ length: 13 }, () => '<kill>').join(' ')],
  ['no feature', '& nothing'],
])('refuses a line: %s', (message, sequence) => {
  expect(() => found('a text', [`one\t${sequence}`])).toThrow(WeightsError);
  expect(() => found('a text', [`one\t${sequence}`])).toThrow(message);
});
