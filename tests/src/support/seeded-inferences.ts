/** Requests to built-in models from a seed: texts of many kinds, and options of each task. Runs in Node and in a browser. */
import { PII_CATEGORIES, PII_LABELS } from '@zerogpu/catalogue';
import { type Inference, type ModelManifest, plainInference, type Task } from '@zerogpu/protocol';

/** Numbers from 0 to 1, without 1. */
export type Random = () => number;

type Options = Partial<Pick<Inference, 'instructions' | 'metadata'>>;

/** A request of the model's task with options that fit it. */
export function seededInference(manifest: ModelManifest, text: string, random: Random): Inference {
  const bound = random() < 0.1 ? { maxOutputTokens: 1 + below(random, 40) } : {};
  const plain = plainInference(manifest.id, text);
  return { ...plain, ...(OPTIONS[manifest.task]?.(random) ?? {}), ...bound };
}

/** The same with options that may be anything at all, so that the model has to refuse many. */
export function hostileInference(manifest: ModelManifest, text: string, random: Random): Inference {
  const inference = seededInference(manifest, text, random);
  if (random() < 0.5) return inference;
  const metadata: Record<string, unknown> = { ...inference.metadata };
  for (const name of OPTION_NAMES) if (random() < 0.25) metadata[name] = hostileValue(random, 0);
  const instructions = random() < 0.3 ? hostileText(random) : inference.instructions;
  const texts = random() < 0.05 ? [text, '', hostileText(random)] : null;
  return { ...inference, metadata, instructions, texts };
}

const OPTION_NAMES = [
  ...['labels', 'threshold', 'multi_label', 'usecase', 'schema', 'mask', 'categories', 'dimensions'],
  ...['encoding_format', '__proto__', 'toString'],
];
const LABELS = [
  ...[
    'sports',
    'finance',
    'politics',
    'science and technology',
    'positive',
    'negative',
    'neutral',
    'joy',
    'anger',
  ],
  ...[
    'person',
    'company',
    'city',
    'date',
    'product',
    'amount of money',
    'email',
    'phone number',
    'order number',
  ],
  ...['Größe', '体育', '⚽', '__proto__', 'constructor', 'a', ' x '],
];
const FIELDS = [
  ...[
    'name::str::Full name of the person',
    'price::float::Price in dollars',
    'when::date',
    'count::int',
    'tags::list',
  ],
  ...[
    'open::bool',
    'condition::[new|used]::str',
    'mood::[good|bad|none]::str::How it is',
    'toString::str',
    'city',
  ],
];

const OPTIONS: Partial<Record<Task, (random: Random) => Options>> = {
  'zero-shot-classification': zeroShot,
  extraction,
  pii,
  embedding,
};

function zeroShot(random: Random): Options {
  const labels = some(LABELS, 2, 6, random);
  const isListed = random() < 0.5;
  return {
    instructions: isListed ? `[${labels.join(', ')}]` : null,
    metadata: {
      ...(isListed ? {} : { labels }),
      ...(random() < 0.3 ? { threshold: random() } : {}),
      ...(random() < 0.3 ? { multi_label: random() < 0.7 } : {}),
    },
  };
}

function extraction(random: Random): Options {
  const threshold = random() < 0.3 ? { threshold: random() } : {};
  const usecase = pick(['ner', 'json', 'classification'], random);
  if (usecase === 'ner') return { metadata: { usecase, labels: some(LABELS, 1, 5, random), ...threshold } };
  const [items, fewest] = usecase === 'json' ? [FIELDS, 1] : [LABELS, 2];
  const groups = some(['product', 'event', 'topic', 'mood'], 1, 2, random);
  const schema = Object.fromEntries(groups.map((group) => [group, some(items, fewest, 5, random)]));
  return { metadata: { usecase, schema, ...threshold } };
}

function pii(random: Random): Options {
  return {
    metadata: {
      usecase: pick(['redact', 'extract-pii', 'extract', 'ner'], random),
      ...(random() < 0.5 ? { mask: pick(['label', 'char', '*', '#', '█'], random) } : {}),
      ...(random() < 0.3 ? { threshold: random() } : {}),
      ...(random() < 0.3 ? { categories: some(PII_CATEGORIES, 1, 4, random) } : {}),
      ...(random() < 0.3 ? { labels: some(Object.keys(PII_LABELS), 1, 6, random) } : {}),
    },
  };
}

function embedding(random: Random): Options {
  return {
    metadata: {
      ...(random() < 0.5 ? { encoding_format: pick(['float', 'base64'], random) } : {}),
      ...(random() < 0.3 ? { dimensions: 1 + below(random, 256) } : {}),
    },
  };
}

function hostileValue(random: Random, depth: number): unknown {
  const kinds: (() => unknown)[] = [
    () => null,
    () => random() < 0.5,
    () => pick([0, -1, 1, 0.5, 1e308, -0, 3.7, 2 ** 53], random),
    () => hostileText(random),
    () =>
      pick(
        ['ner', 'json', 'classification', 'redact', 'char', '[a, b]', '["a","b"]', '{"a":["b::str"]}'],
        random,
      ),
  ];
  if (depth < 3) {
    const values = () => Array.from({ length: below(random, 8) }, () => hostileValue(random, depth + 1));
    kinds.push(
      values,
      () => some(LABELS, 0, 7, random),
      () => Object.fromEntries(values().map((value) => [hostileText(random), value])),
    );
  }
  return pick(kinds, random)();
}

function hostileText(random: Random): string {
  return pick(
    [
      () => '',
      () => randomUnits(below(random, 30), random),
      () => pick(LABELS, random),
      () => pick(FIELDS, random),
      () => pick([',', '[', ']', '|', '::', '"', '\n', 'x'], random).repeat(below(random, 300)),
      () =>
        `${pick(LABELS, random)}::[${some(LABELS, 0, 4, random).join('|')}]::${pick(['str', 'list', ''], random)}`,
    ],
    random,
  )();
}

const SENTENCES = [
  'The European Central Bank raised its key interest rate by half a percentage point on Thursday.',
  'Dr. J. R. Smith of Apple Inc. said: "We don’t agree (yet)."',
  'We propose a novel method that outperforms the state of the art by 3.5% on 12 datasets.',
  'In 1999, two strong quakes hit northwest Turkey and killed around 18,000 people.',
  'He added that the phone costs $1,299.99, see https://example.com/a?b=c#d.',
  'Der 1. FC Köln gewann am 3. Oktober z. B. gegen die Münchner Größe ÄÖÜ ẞ.',
  'Le président s’est rendu à Paris : « Nous la rebâtirons », a-t-il déclaré.',
  'El fútbol, ¿qué más? ¡Nada! La señora compró dos coches en São Paulo.',
  '我爱你。你呢？「好。」東京タワーは高いです。한국어 문장도 있습니다.',
  'Москва — столица России. Αθήνα είναι η πρωτεύουσα. İstanbul güzel.',
  'Subscribe to our newsletter! All rights reserved. Share on Facebook.',
  'const x = foo(bar[0], {a: 1}); // return x === 3 ? y : z;',
  'Best recipe for apple pie with cinnamon, butter and vanilla ice cream.',
  'The team won the football league final after extra time and penalties.',
  'Anna: Okay, we decided to move the release to March 22.',
  'Call Maria Keller at +49 30 1234567 or write to maria.keller@example.org before 2024-05-01.',
  'My card 4111 1111 1111 1111 and IBAN DE89 3704 0044 0532 0130 00, SSN 078-05-1120, from 10.0.0.1.',
  'Herr Jürgen Weiß, Hauptstraße 12, 10115 Berlin, geboren am 12.03.1985, Steuer-ID 65929970489.',
  'Invoice 2024-0113: 3 chairs at €89.90 each, delivered on 5 June, paid in full.',
  'I was charged twice and nobody answers my mails. This is the worst bank ever!',
  'You stupid f*ck, I will k i l l you #ShutUpIdiot @user',
  'token=sk_live_EXAMPLEabcdefghijklmn password: hunter2 at 00:1B:44:11:3A:B7',
  '<p>Hello <b>world</b>, &amp; <a href="#">more</a></p>',
  '| name | price |\n| --- | --- |\n| tea | 3.20 |',
  '{"user":{"name":"Ana López","age":31},"ok":true}',
  '👩‍🚀🚀 e\u0301 \u00a0 \u200b \ufeff \u2028 \0 \ud83d \udc00 �',
] as const;
const SEPARATORS = [' ', '\n', '\n\n', '\n- ', '\r\n', '', '\t'] as const;
const TOKENS =
  'the a of and . , ; : ! ? ( ) [ ] " “ ” - – 1 12 3.5 2024-05-01 $5 € % @ # / \\ http:// www. a@b.c Mr. Dr. U.S. z.B. is are was he she Paris John IBM kill how to make und der la le que 漢 字 😀 \n \n\n \t'.split(
    / /,
  );

/** The `i`-th text of a run: sentences of many kinds mostly, else random code units or a soup of tokens. */
export function seededText(i: number, random: Random): string {
  if (i % 6 === 5) return randomUnits(below(random, 400), random);
  if (i % 6 === 3)
    return Array.from({ length: below(random, 200) }, () => pick(TOKENS, random)).join(
      random() < 0.8 ? ' ' : '',
    );
  let text = '';
  for (let n = below(random, i % 20 === 0 ? 300 : 25); n >= 0; n--) {
    text += pick(SENTENCES, random) + (random() < 0.25 ? pick(SEPARATORS, random) : ' ');
  }
  return text.slice(0, random() < 0.08 ? below(random, text.length) : text.length);
}

/** Any code units, lone surrogates among them; half of the texts from the first 700 alone. */
function randomUnits(length: number, random: Random): string {
  const highest = random() < 0.5 ? 0x1_0000 : 700;
  let text = '';
  for (let n = length; n > 0; n--) text += String.fromCharCode(below(random, highest));
  return text;
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(items: readonly T[], random: Random): T {
  const item = items[below(random, items.length)];
  if (item === undefined) throw new Error('Nothing to pick from');
  return item;
}

/** Between `fewest` and `most` of the items, each once, in their order. */
function some<T>(items: readonly T[], fewest: number, most: number, random: Random): T[] {
  const count = Math.min(items.length, fewest + below(random, most - fewest + 1));
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(below(random, items.length));
  return items.filter((_, i) => chosen.has(i));
}

/** mulberry32 (Tommy Ettinger, public domain). */
export function mulberry32(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
