/** Questions on German, French, Spanish, Italian and Portuguese texts: fewer wordings, and noun phrases by simple signs. */
import { isCapital, lowerCase, type Word, wordsOf } from '../words.ts';
import type { Candidate } from './choose.ts';
import { hash } from './choose.ts';
import { fill } from './schemas.ts';

export interface ForeignQuestions {
  readonly language: string;
  readonly kind: string;
  readonly signs: ReadonlySet<string>;
  readonly templates: readonly string[];
}

export function readForeign(lines: readonly string[]): ForeignQuestions[] {
  return lines.map((line) => {
    const [language = '', kind = '', signs = '', templates = ''] = line.split('\t');
    return { language, kind, signs: new Set(signs.split(' ')), templates: templates.split(' | ') };
  });
}

export function readFunctionWords(lines: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    lines.map((line) => {
      const [language = '', words = ''] = line.split('\t');
      return [language, new Set(words.split(' '))];
    }),
  );
}

const LEAST_SIGNS = 2;
/** Another language must show clearly more of its words than English does. */
const CLEARLY = 1.5;

/** The language of a text by its function words: `en` where nothing speaks clearly for another one. */
export function languageOf(
  words: readonly Word[],
  tables: ReadonlyMap<string, ReadonlySet<string>>,
  foreign: readonly ForeignQuestions[],
): string {
  const known = new Set(words.map(({ text }) => text));
  let best = 'en';
  let most = 0;
  let english = 0;
  for (const [language, table] of tables) {
    const share = words.reduce((sum, { text }) => sum + (table.has(text) ? 1 : 0), 0);
    const signs = foreign.reduce(
      (sum, one) => (one.language === language ? Math.max(sum, countIn(one.signs, known)) : sum),
      0,
    );
    if (language === 'en') english = share;
    else if (share + signs > most) {
      best = language;
      most = share + signs;
    }
  }
  return most >= 3 && most > english * CLEARLY && most >= words.length * 0.12 ? best : 'en';
}

/** Is the sentence English, or at least of no other language that is known? */
export function isEnglish(
  words: readonly { readonly low: string }[],
  tables: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  const count = (table: ReadonlySet<string>) =>
    words.reduce((sum, { low }) => sum + (table.has(low) ? 1 : 0), 0);
  const english = count(tables.get('en') ?? new Set());
  for (const [language, table] of tables)
    if (language !== 'en' && count(table) > (english === 0 ? 0 : english * CLEARLY)) return false;
  return true;
}

/** Questions of the kind that the text shows signs of, then those for any text. */
export function foreignCandidates(
  text: string,
  language: string,
  all: readonly ForeignQuestions[],
  seed: number,
): Candidate[] {
  const words = new Set(wordsOf(text).map((word) => word.text));
  const own = all.filter((questions) => questions.language === language);
  const scored = own.map((questions) => ({ questions, signs: countIn(questions.signs, words) }));
  const kind = scored.reduce((best, one) => (one.signs > best.signs ? one : best), {
    questions: own[0]!,
    signs: LEAST_SIGNS - 1,
  });
  const [x, z] = language === 'de' ? germanNouns(text) : articleNouns(text, language);
  const slots = { X: x ?? '', Z: z ?? '' };
  return own
    .filter(({ kind: name }) => name === 'any' || (kind.signs >= LEAST_SIGNS && name === kind.questions.kind))
    .flatMap(({ templates, kind: name }) => templates.map((template) => ({ template, name })))
    .flatMap(({ template, name }) => {
      const question = fill(template, slots);
      const score =
        (name === 'any' ? 0 : 1) + (template.includes('{') ? 0.5 : 0) + hash(template, seed) / 0x8000_0000;
      return question === null
        ? []
        : [{ question, aspect: template, about: '', key: '', scope: name, score }];
    })
    .sort((a, b) => b.score - a.score || (a.question < b.question ? -1 : 1));
}

function countIn(signs: ReadonlySet<string>, words: ReadonlySet<string>): number {
  let count = 0;
  for (const sign of signs) if (words.has(sign)) count++;
  return count;
}

/** "die Stadt", "das neue Gesetz": phrases that read the same where a question wants the accusative. */
function germanNouns(text: string): string[] {
  const counts = new Map<string, number>();
  const words = wordsOf(text);
  const form = (word: Word) => text.slice(word.start, word.end);
  const joined = (a: Word, b: Word) => text.slice(a.end, b.start) === ' ';
  for (let i = 0; i + 1 < words.length; i++) {
    const [article, next, third] = [words[i]!, words[i + 1]!, words[i + 2]];
    if (!/^(?:die|das)$/.test(article.text) || !joined(article, next)) continue;
    const noun = isNoun(form(next)) ? next : third;
    if (!noun || !isNoun(form(noun)) || (noun !== next && !isAdjective(form(next), next, noun))) continue;
    const phrase = `${article.text} ${text.slice(next.start, noun.end)}`;
    counts.set(phrase, (counts.get(phrase) ?? 0) + 1);
  }
  return ranked(counts);

  function isAdjective(own: string, a: Word, b: Word): boolean {
    return /^[a-zäöüß]{3,20}e$/.test(own) && joined(a, b);
  }
}

function isNoun(own: string): boolean {
  return own.length > 4 && own.length <= 30 && isCapital(own.charCodeAt(0));
}

const ARTICLES: Readonly<Record<string, RegExp>> = {
  fr: /^(?:le|la|les)$/,
  es: /^(?:el|la|los|las)$/,
  it: /^(?:il|la|lo|gli|i|le)$/,
  pt: /^(?:o|a|os|as)$/,
};

/** "le conseil", "la piscina": an article and the word behind it, when that is no small word. */
function articleNouns(text: string, language: string): string[] {
  const article = ARTICLES[language]!;
  const counts = new Map<string, number>();
  const words = wordsOf(text);
  for (let i = 0; i + 1 < words.length; i++) {
    const [first, noun] = [words[i]!, words[i + 1]!];
    const own = text.slice(noun.start, noun.end);
    if (!article.test(first.text) || text.slice(first.end, noun.start) !== ' ') continue;
    if (own.length < 5 || own.length > 24 || lowerCase(own) !== own || own.includes("'")) continue;
    const phrase = `${first.text} ${own}`;
    counts.set(phrase, (counts.get(phrase) ?? 0) + 1);
  }
  return ranked(counts);
}

function ranked(counts: ReadonlyMap<string, number>): string[] {
  return [...counts]
    .map(([text, count]) => ({ text, weight: count * 6 + Math.min(text.length, 16) }))
    .sort((a, b) => b.weight - a.weight || (a.text < b.text ? -1 : 1))
    .map(({ text }) => text);
}
