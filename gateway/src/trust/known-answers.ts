/** Runs whose right answer is known already: made here, so that nobody's text is used, and in the shape of what runs. */
import { exampleInferences } from '@zerogpu/catalogue';
import type { Inference, ModelManifest } from '@zerogpu/protocol';
import type { Claim } from './claim.ts';

/** What traffic of one model looks like, without a word of it. */
export interface Shape {
  /** Of the text, in UTF-16 code units. */
  readonly length: number;
  /** From the run's beginning to its deadline. */
  readonly leftMs: number;
  readonly settings: Pick<
    Inference,
    'stream' | 'maxOutputTokens' | 'temperature' | 'topP' | 'seed' | 'format' | 'toolChoice'
  >;
}

interface KnownAnswer {
  readonly inference: Inference;
  readonly expected: Claim;
  /** Who computed it. */
  readonly judgeId: string;
  readonly leftMs: number;
  /** Nodes that were asked; none twice. */
  readonly asked: Set<string>;
}

/** Of each model, of the last requests. */
const MAX_SHAPES = 32;
/** Ready to be asked, of each model. */
const MAX_READY = 32;
/** Nodes that get the same one: few enough that those of one owner seldom meet it twice. */
const MAX_ASKED = 4;
/** Longer ones would cost the judges more than they tell. */
const MAX_LENGTH = 4000;
const MIN_LENGTH = 60;

export function shapeOf(inference: Inference, leftMs: number): Shape {
  const { text, stream, maxOutputTokens, temperature, topP, seed, toolChoice } = inference;
  // Not a schema's words.
  const format = inference.format.type === 'json_schema' ? { type: 'text' as const } : inference.format;
  const settings = { stream, maxOutputTokens, temperature, topP, seed, format, toolChoice };
  return { length: Math.min(MAX_LENGTH, Math.max(MIN_LENGTH, text.length)), leftMs, settings };
}

/** The last few of one model. */
export class KnownAnswers {
  readonly #shapes: Shape[] = [];
  #ready: KnownAnswer[] = [];
  #next = 0;

  /** Learns what requests look like. */
  saw(shape: Shape): void {
    this.#shapes[this.#next++ % MAX_SHAPES] = shape;
  }

  /** One of them at random; null before any request was seen. */
  shape(random: () => number): Shape | null {
    return this.#shapes[Math.floor(random() * this.#shapes.length)] ?? null;
  }

  add(known: KnownAnswer): void {
    if (this.#ready.length < MAX_READY) this.#ready.push(known);
  }

  /** One that this node was not asked yet. */
  take(nodeId: string): KnownAnswer | null {
    const known = this.#ready.find(({ asked }) => !asked.has(nodeId));
    if (!known) return null;
    known.asked.add(nodeId);
    if (known.asked.size >= MAX_ASKED) this.#ready = this.#ready.filter((other) => other !== known);
    return known;
  }
}

/** An inference like those of the shape, with a text that nobody wrote. */
export function inventInference(manifest: ModelManifest, shape: Shape, random: () => number): Inference {
  const examples = exampleInferences(manifest);
  const example = pick(examples, random);
  const text = inventText(shape.length, random);
  const messages = [{ role: 'user' as const, content: text }];
  return { ...example, ...shape.settings, text, messages };
}

/** Sentences of subjects, deeds and figures, up to a length. */
function inventText(length: number, random: () => number): string {
  const sentences: string[] = [];
  for (let size = 0; size < length; size += sentences.at(-1)!.length + 1) sentences.push(sentence(random));
  return sentences.join(' ');
}

function sentence(random: () => number): string {
  const word = (words: readonly string[]) => pick(words, random);
  const figure = String(2 + Math.floor(random() * 998));
  const form = pick(FORMS, random);
  const words: Record<string, () => string> = {
    who: () => word(WHO),
    did: () => word(DID),
    what: () => word(WHAT),
    where: () => word(WHERE),
    when: () => word(WHEN),
    why: () => word(WHY),
    n: () => figure,
  };
  const text = form.replaceAll(/\{(\w+)\}/g, (_, name: string) => words[name]?.() ?? '');
  return text[0]!.toUpperCase() + text.slice(1);
}

function pick<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)]!;
}

const FORMS = [
  '{who} {did} {what} {where} {when}.',
  '{when}, {who} {did} {what}, {why}.',
  '{who} said that {n} people asked for {what} {where}.',
  'after {n} days {who} {did} {what} {why}.',
  'it cost {n} euros when {who} {did} {what} {where}.',
  '{where}, {who} and {who} {did} {what} {when}.',
  'nobody expected that {who} {did} {what}, {why}.',
];
const WHO = [
  'the city council',
  'a team of engineers',
  'Maria Jensen',
  'the bakery on the corner',
  'our support desk',
  'the football club',
  'a nurse from Leeds',
  'the software company',
  'Dr. Okafor',
  'the museum',
  'two students',
  'the airline',
  'Kenji Watanabe',
  'the regional bank',
  'a group of farmers',
  'the band',
  'the new coach',
  'the hospital',
  'an investor',
  'the travel agency',
  'my neighbour',
  'the school board',
  'Ana Souza',
  'the editor',
];
const DID = [
  'opened',
  'sold',
  'repaired',
  'announced',
  'cancelled',
  'bought',
  'tested',
  'reviewed',
  'rebuilt',
  'delivered',
  'compared',
  'described',
  'won',
  'lost',
  'planned',
  'recommended',
  'measured',
  'shipped',
  'translated',
  'redesigned',
];
const WHAT = [
  'a mobile app',
  'the old bridge',
  'three new recipes',
  'an electric car',
  'the summer concert',
  'a budget phone',
  'the final match',
  'a mortgage offer',
  'the vaccine study',
  'a garden of herbs',
  'the train line',
  'a laptop battery',
  'the insurance policy',
  'a novel about the sea',
  'the solar panels',
  'an online course',
  'the hotel rooms',
  'a bread oven',
  'the tax return',
  'a pair of running shoes',
  'the security update',
  'a documentary film',
];
const WHERE = [
  'in Lisbon',
  'near the harbour',
  'at the annual fair',
  'in the north of Italy',
  'on the second floor',
  'in Nairobi',
  'by the lake',
  'at the stadium',
  'in the old town',
  'outside Chicago',
  'at the clinic',
  'on the coast',
  'in Osaka',
];
const WHEN = [
  'last Tuesday',
  'in early spring',
  'after the holidays',
  'this morning',
  'two years ago',
  'on Friday night',
  'before the election',
  'during the storm',
  'at the end of the quarter',
  'in 2019',
  'within a week',
];
const WHY = [
  'because prices had risen',
  'although it rained',
  'to save energy',
  'despite the delay',
  'as customers had asked',
  'for the first time',
  'without telling anyone',
  'while others waited',
  'to everyone’s surprise',
  'with little money',
];
