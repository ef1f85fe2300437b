/** Three questions that a text leaves open. */
import { tokenizerOf } from '@zerogpu/catalogue';
import type { Piece, RunEnd } from '../../runtime.ts';
import { plainText } from '../markup.ts';
import type { LoadedProgram, Program, ProgramInference } from '../programs.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { wordsOf } from '../words.ts';
import { bindingsOf, type Reading, readText } from './bindings.ts';
import { candidatesOf, chooseQuestions, hash } from './choose.ts';
import { type Kind, kindOf, readKinds, subjectOf, termsOf } from './kinds.ts';
import {
  type ForeignQuestions,
  foreignCandidates,
  isEnglish,
  languageOf,
  readForeign,
  readFunctionWords,
} from './languages.ts';
import { Lexicon } from './lexicon.ts';
import { readSchemas, type Schema } from './schemas.ts';

export const QUESTIONS = 3;
/** A word with its places in maps, about. */
const BYTES_PER_WORD = 130;

export class FollowUpModel {
  readonly #lexicon: Lexicon;
  readonly #kinds: readonly Kind[];
  readonly #schemas: ReadonlyMap<string, readonly Schema[]>;
  readonly #subjects: readonly Kind[];
  readonly #foreign: readonly ForeignQuestions[];
  readonly #functionWords: ReadonlyMap<string, ReadonlySet<string>>;
  readonly residentBytes: number;

  /** @throws WeightsError when tables are missing */
  constructor(weights: Weights) {
    this.#lexicon = new Lexicon(weights);
    this.#kinds = readKinds(weights.lines('table.kinds'));
    this.#subjects = readKinds(weights.lines('table.subjects'));
    this.#schemas = readSchemas(weights.lines('table.questions'));
    this.#foreign = readForeign(weights.lines('table.languages'));
    this.#functionWords = readFunctionWords(weights.lines('table.function-words'));
    if (!this.#schemas.has('text')) throw new WeightsError('The weights have no questions on texts');
    this.residentBytes = this.#lexicon.size * BYTES_PER_WORD;
  }

  /** `QUESTIONS` questions, each ending in "?"; no two alike. */
  ask(input: string): string[] {
    const text = unshouted(plainText(input));
    const language = languageOf(wordsOf(text), this.#functionWords, this.#foreign);
    return language === 'en' ? this.#askInEnglish(text) : this.#askIn(language, text);
  }

  #askIn(language: string, text: string): string[] {
    return chooseQuestions(foreignCandidates(text, language, this.#foreign, hash(text, 0)), QUESTIONS);
  }

  #askInEnglish(text: string): string[] {
    const terms = termsOf(text);
    const kind = kindOf(text, terms, this.#kinds);
    const subject = subjectOf(text, terms, this.#subjects);
    const reading = readText(withoutAsides(text, kind), kind, this.#lexicon, subject, (tokens) =>
      isEnglish(tokens, this.#functionWords),
    );
    const bindings = bindingsOf(reading, this.#lexicon);
    const candidates = candidatesOf(bindings, this.#schemas, terms, hash(text, 0));
    const chosen = chooseQuestions(candidates, QUESTIONS);
    return chosen.length === QUESTIONS
      ? chosen
      : [...chosen, ...this.#general(reading, terms, hash(text, 1), chosen)].slice(0, QUESTIONS);
  }

  /** For texts of which nothing was understood. */
  #general(
    { kind, subject, marks }: Reading,
    terms: ReadonlySet<string>,
    seed: number,
    chosen: readonly string[],
  ): string[] {
    const binding = {
      scope: 'fallback',
      facts: new Set([`kind:${kind}`, `on:${subject}`, ...marks]),
      slots: {},
      weight: 0,
      about: '',
      key: '',
    };
    const candidates = candidatesOf([binding], this.#schemas, terms, seed);
    return chooseQuestions(
      candidates.filter(({ question }) => !chosen.includes(question)),
      QUESTIONS,
    );
  }
}

/** 'Francis "Frank" Hill' is one name. */
const NICKNAME = / ["“][A-Z][\w. ]{0,20}["”](?= [A-Z])/g;

/** Prose without its brackets: years, origins of names and the like stand between a subject and its verb. */
function withoutAsides(text: string, kind: string): string {
  return kind === 'code'
    ? text
    : text
        .replace(/ ?\([^()\n]{0,240}\)/g, '')
        .replace(/ ?\[[^[\]\n]{0,60}\]/g, '')
        .replace(NICKNAME, '');
}

/** A text all in capitals says nothing by them: it is read in small letters, its sentences' first letters kept. */
function unshouted(text: string): string {
  let capitals = 0;
  let small = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x41 && unit <= 0x5a) capitals++;
    else if (unit >= 0x61 && unit <= 0x7a) small++;
  }
  return capitals > 20 && capitals > 4 * small ? smallLetters(text) : text;
}

function smallLetters(text: string): string {
  return text.replace(/[A-Z]+/g, (run, at: number) =>
    isSentenceStart(text, at) ? run.charAt(0) + small(run.slice(1)) : small(run),
  );
}

function isSentenceStart(text: string, at: number): boolean {
  return at === 0 || /[.!?\n]\s{0,2}$/.test(text.slice(Math.max(0, at - 4), at));
}

function small(run: string): string {
  let out = '';
  for (let i = 0; i < run.length; i++) out += String.fromCharCode(run.charCodeAt(i) + 32);
  return out;
}

export const followUpQuestions: Program = {
  load(weights: Weights): LoadedProgram {
    const model = new FollowUpModel(weights);
    return {
      residentBytes: model.residentBytes,
      run: (inference, signal) => askInText(model, inference, signal),
    };
  },
};

/** The questions, one a line; those that do not fit into the bound are left out, and only the first one is ever cut. */
async function* askInText(
  model: FollowUpModel,
  inference: ProgramInference,
  signal: AbortSignal,
): AsyncGenerator<Piece, RunEnd, undefined> {
  signal.throwIfAborted();
  const tokenizer = tokenizerOf('zlm');
  const questions = model.ask(inference.text);
  let kept = questions.length;
  while (kept > 1 && tokenizer.count(questions.slice(0, kept).join('\n')) > inference.maxOutputTokens) kept--;
  const text = tokenizer.truncate(questions.slice(0, kept).join('\n'), inference.maxOutputTokens);
  if (text !== '') yield { kind: 'text', text };
  const complete = text === questions.join('\n');
  return {
    finishReason: complete ? 'stop' : 'length',
    inputTokens: tokenizer.count(inference.text),
    outputTokens: tokenizer.count(text),
  };
}
