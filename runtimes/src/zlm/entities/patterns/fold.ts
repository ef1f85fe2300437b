/**
 * A text as patterns read it: small letters without accents, one kind of space, dash and quote, and every code unit
 * in its place, so that what is found there is found in the text as sent.
 */
import { lowerCase } from '../../words.ts';

const FOLDED: readonly (readonly [to: string, from: string])[] = [
  ['a', 'àáâãäåāăąǎ'],
  ['c', 'çćĉċč'],
  ['d', 'ďđ'],
  ['e', 'èéêëēĕėęě'],
  ['g', 'ĝğġģ'],
  ['i', 'ìíîïĩīĭįı'],
  ['l', 'ĺļľŀł'],
  ['n', 'ñńņňŉ'],
  ['o', 'òóôõöøōŏő'],
  ['r', 'ŕŗř'],
  ['s', 'śŝşšșß'],
  ['t', 'ţťŧț'],
  ['u', 'ùúûüũūŭůűų'],
  ['y', 'ýÿŷ'],
  ['z', 'źżž'],
  [' ', '\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000'],
  ['-', '\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d'],
  ["'", '\u2018\u2019\u201a\u201b\u2032\u00b4`'],
  ['"', '\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb'],
];
/** ASCII in the full width that stands between ideographs: U+FF01 is an exclamation mark. */
const FULL_WIDTH = { first: 0xff01, last: 0xff5e, distance: 0xff01 - 0x21 };

const TABLE = new Uint16Array(0x1_0000).map((_, unit) => unit);
for (let unit = FULL_WIDTH.first; unit <= FULL_WIDTH.last; unit++) {
  TABLE[unit] = lowerCase(String.fromCharCode(unit - FULL_WIDTH.distance)).charCodeAt(0);
}
for (const [to, from] of FOLDED) for (const sign of from) TABLE[sign.charCodeAt(0)] = to.charCodeAt(0);

/** As long as the text, code unit for code unit. */
export function fold(text: string): string {
  const small = lowerCase(text);
  let folded = '';
  let from = 0;
  for (let i = 0; i < small.length; i++) {
    const unit = small.charCodeAt(i);
    if (TABLE[unit] === unit) continue;
    folded += small.slice(from, i) + String.fromCharCode(TABLE[unit]!);
    from = i + 1;
  }
  return from === 0 ? small : folded + small.slice(from);
}

/** Only the digits of a value. */
export function digitsOf(value: string): string {
  return value.replace(/\D/g, '');
}

/** Only the letters and digits of a folded value. */
export function codeOf(value: string): string {
  return value.replace(/[^a-z0-9]/g, '');
}
