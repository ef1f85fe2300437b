/** What a sentence shows by itself: its marks, its first word, the phrases in it. */
import type { Sentence } from './sentences.ts';
import {
  CONNECTIVES,
  countCues,
  FIRST_PERSON,
  PAST_OPENERS,
  PRONOUNS,
  sectionWorth,
} from './summary-words.ts';
import { isCapital, isDigit, type Word } from './words.ts';

export type Surface = ReturnType<typeof surfaceOf>;

/** @param words the sentence's own, at least one */
export function surfaceOf(text: string, sentence: Sentence, words: readonly Word[]) {
  const cues = countCues(words);
  const marks = marksOf(text, sentence);
  const first = words[0]!.text;
  let digits = 0;
  let names = 0;
  for (const [i, word] of words.entries()) {
    const unit = text.charCodeAt(word.start);
    if (isDigit(unit)) digits++;
    else if (i > 0 && isCapital(unit)) names++;
  }
  return {
    isUnbalanced: marks.isUnbalanced,
    decisions: cues.decision,
    smallTalk: cues.smallTalk,
    scholarly: cues.scholarly,
    section: sectionWorth(text, words),
    features: {
      digitShare: digits / words.length,
      nameShare: names / words.length,
      hasQuote: marks.hasQuote ? 1 : 0,
      isQuestion: text.slice(sentence.end - 3, sentence.end).includes('?') ? 1 : 0,
      startsWithPronoun: PRONOUNS.has(first) ? 1 : 0,
      startsWithConnective: CONNECTIVES.has(first) ? 1 : 0,
      startsInPast: startsInPast(words) ? 1 : 0,
      contributionCue: cues.contribution,
      resultCue: cues.result,
      conclusionCue: cues.conclusion,
      backgroundCue: cues.background,
      attributionCue: cues.attribution,
      eventCue: cues.event,
      firstPersonPlural: words.some((word) => FIRST_PERSON.has(word.text)) ? 1 : 0,
      chat: cues.chat,
      commas: marks.commas,
      brackets: marks.brackets,
      boilerplate: cues.boilerplate,
    },
  };
}

/** "In 1999, …", "Since May 2003, …": mostly what led to the news. */
function startsInPast(words: readonly Word[]): boolean {
  if (!PAST_OPENERS.has(words[0]!.text)) return false;
  return words.slice(1, 4).some((word) => /^(?:1[5-9]|20)\d\d$/.test(word.text));
}

function marksOf(text: string, { start, end }: Sentence) {
  let straight = 0;
  let depth = 0;
  let lowest = 0;
  let commas = 0;
  let brackets = 0;
  let typographic = 0;
  for (let i = start; i < end; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22:
        straight++;
        break;
      case 0x28:
      case 0x5b:
        brackets++;
        depth++;
        break;
      case 0x29:
      case 0x5d:
        lowest = Math.min(lowest, --depth);
        break;
      case 0x2c:
        commas++;
        break;
      case 0x201c:
      case 0x00ab:
        typographic++;
        break;
    }
  }
  const closers = text.slice(start, end).split(/[”»]/).length - 1;
  // German closes with “ what it opens with „, so only a mark without any partner counts.
  const isLone =
    (typographic > 0 || closers > 0) && typographic !== closers && !text.slice(start, end).includes('„');
  return {
    commas,
    brackets,
    hasQuote: straight > 0 || typographic > 0,
    isUnbalanced: straight % 2 === 1 || depth !== 0 || lowest < 0 || isLone,
  };
}
