/**
 * Letters as they are looked up: without accents, Latin where another script's letter looks the same. What
 * hides a word from a list (mathematical letters, zero-width signs, marks stacked on letters) is undone. ASCII capitals stay.
 */
import { lowerCase } from '../words.ts';

/** A letter, then all that are read as it. */
const ALIKE: readonly string[] = [
  'aàáâãäåāăąǎạảấầẩẫậắằẳẵặаαɑ',
  'bЬʙ',
  'cçćĉċčсϲ',
  'dďđԁɗ',
  'eèéêëēĕėęěẹẻẽếềểễệеёєε',
  'fƒ',
  'gĝğġģɡ',
  'hĥħһ',
  'iìíîïĩīĭįıǐỉịіїι',
  'jĵј',
  'kķкκ',
  'lĺļľŀłⅼ',
  'mм',
  'nñńņňŉŋ',
  'oòóôõöøōŏőǒọỏốồổỗộớờởỡợоοσ',
  'pрρ',
  'rŕŗř',
  'sśŝşšșѕ',
  'tţťŧțтτ',
  'uùúûüũūŭůűųǔụủứừửữựưυ',
  'vν',
  'wŵѡ',
  'xхχ',
  'yýÿŷỳỵỷỹуγ',
  'zźżž',
];

const FOLDED = new Map<string, string>([
  ['ß', 'ss'],
  ['æ', 'ae'],
  ['œ', 'oe'],
]);
for (const letters of ALIKE) {
  for (const letter of letters.slice(1)) FOLDED.set(letter, letters.charAt(0));
}

const FULL_WIDTH_FIRST = 0xff01;
const FULL_WIDTH_LAST = 0xff5e;
const FULL_WIDTH_DISTANCE = 0xfee0;
/** Mathematical letters, U+1D400 to U+1D6A3: alphabets of 52 letters, capitals first. */
const MATHEMATICAL_HIGH = 0xd835;
const MATHEMATICAL_FIRST = 0xdc00;
const MATHEMATICAL_LAST = 0xdea3;
const ALPHABET = 26;
/** Letters in squares and circles, U+1F130 to U+1F189. */
const ENCLOSED_HIGH = 0xd83c;
const ENCLOSED_FIRST = 0xdd30;
const ENCLOSED_LAST = 0xdd89;
const CIRCLED_FIRST = 0x24b6;
const CIRCLED_LAST = 0x24e9;

/** Folds a text; takes time linear in it. Its length may change. */
export function fold(text: string): string {
  if (isPlain(text)) return text;
  let folded = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      folded += text.charAt(i);
      continue;
    }
    const letter = pairedLetter(unit, text.charCodeAt(i + 1));
    if (letter) i++;
    folded += letter || foldUnit(unit);
  }
  return folded;
}

function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

/** A letter of the ASCII alphabet that a surrogate pair draws; '' for any other. */
function pairedLetter(high: number, low: number): string {
  if (high === MATHEMATICAL_HIGH && low >= MATHEMATICAL_FIRST && low <= MATHEMATICAL_LAST) {
    return small((low - MATHEMATICAL_FIRST) % ALPHABET);
  }
  if (high === ENCLOSED_HIGH && low >= ENCLOSED_FIRST && low <= ENCLOSED_LAST) {
    const place = (low - ENCLOSED_FIRST) % 32;
    return place < ALPHABET ? small(place) : '';
  }
  return '';
}

function foldUnit(unit: number): string {
  if (unit >= FULL_WIDTH_FIRST && unit <= FULL_WIDTH_LAST)
    return String.fromCharCode(unit - FULL_WIDTH_DISTANCE);
  if (unit >= CIRCLED_FIRST && unit <= CIRCLED_LAST) return small((unit - CIRCLED_FIRST) % ALPHABET);
  if (isUnseen(unit)) return '';
  if (unit === 0x2018 || unit === 0x2019 || unit === 0x2bc) return "'";
  const letter = lowerCase(String.fromCharCode(unit));
  return FOLDED.get(letter) ?? letter;
}

/** Combining marks, soft hyphen, zero-width signs, directions, variation selectors. */
function isUnseen(unit: number): boolean {
  return (
    (unit >= 0x300 && unit <= 0x36f) ||
    unit === 0xad ||
    (unit >= 0x200b && unit <= 0x200f) ||
    (unit >= 0x202a && unit <= 0x202e) ||
    unit === 0x2060 ||
    unit === 0xfeff ||
    (unit >= 0xfe00 && unit <= 0xfe0f)
  );
}

function small(place: number): string {
  return String.fromCharCode(0x61 + place);
}
