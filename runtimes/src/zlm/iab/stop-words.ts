/** Words that say nothing of a text's topic, by language, and which language a text is in by their number. */
import type { Weights } from '../weights.ts';
import { plain } from '../word-table.ts';
import type { Word } from '../words.ts';

export interface StopWords {
  readonly language: string;
  readonly words: ReadonlySet<string>;
}

const ENGLISH = 'en';
/** Words of a text that tell its language. */
const MOST_LOOKED_AT = 2000;

/** Reads the tensor `keywords.stop_words`: a line a language, its code first. */
export function readStopWords(weights: Weights): readonly StopWords[] {
  return weights.lines('keywords.stop_words').map((line) => {
    const [language = '', ...words] = line.split(' ');
    return { language, words: new Set(words) };
  });
}

/** The lists of the language that has most stop words in the text; English in a tie and where there are none. */
export function stopWordsOf(words: readonly Word[], lists: readonly StopWords[]): StopWords {
  const counts = lists.map(() => 0);
  for (const word of words.slice(0, MOST_LOOKED_AT)) {
    for (const [i, list] of lists.entries()) if (list.words.has(plain(word.text))) counts[i]!++;
  }
  let best = lists.findIndex(({ language }) => language === ENGLISH);
  for (const [i, count] of counts.entries()) if (count > (counts[best] ?? -1)) best = i;
  return lists[best] ?? { language: ENGLISH, words: new Set() };
}

export function isEnglish({ language }: StopWords): boolean {
  return language === ENGLISH;
}
