/** Lines of a batch whose ends are known before it begins, and the file that they make. */
import { findManifest, priceOf } from '@zerogpu/catalogue';
import { BATCH_ENDPOINT, type LineErrorCode } from '@zerogpu/protocol';
import { IAB } from './scripted-node.ts';
import type { Random } from './seeded-inferences.ts';

/** What must become of a line. */
export type LineEnd =
  | { readonly kind: 'answered'; readonly content: string; readonly usage: LineUsage; readonly cost: bigint }
  | { readonly kind: 'failed'; readonly code: LineErrorCode };

export interface LineUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface ExpectedLine {
  readonly customId: string;
  readonly end: LineEnd;
}

export interface MadeBatch {
  /** JSONL. */
  readonly file: string;
  readonly lines: readonly ExpectedLine[];
}

const SUBJECTS = [
  'The central bank raised interest rates again, and shares of lenders rose while builders fell.',
  'Her new novel follows three sisters who keep a lighthouse through a winter without ships.',
  'The striker scored twice in the second half, and the home side goes top of the table.',
  'Roast the peppers until the skin is black, peel them and blend them with oil and garlic.',
  'A telescope in Chile has found a planet that circles its star in less than a day.',
  'The airline drops nine routes to the islands next winter because crews are short.',
  'Version six of the photo editor removes objects and runs entirely on the phone.',
  'The council will rebuild the harbour bridge; ferries run every ten minutes until then.',
];

/** Different texts have different answers or lengths, so that an answer on the wrong line shows. */
export const TEXTS: readonly string[] = Array.from({ length: 24 }, (_, i) => {
  const subject = SUBJECTS[i % SUBJECTS.length]!;
  return Array.from({ length: 1 + Math.floor(i / SUBJECTS.length) }, () => subject).join(' ');
});

/** What the model says to each of `TEXTS` when asked by itself; it says the same each time. */
export interface SyncAnswer {
  readonly content: string;
  readonly usage: LineUsage;
}

/** One in so many lines cannot be answered, whatever is tried. */
const BAD_EVERY = 40;
const BLANK_EVERY = 97;

const BAD: readonly { readonly body: object; readonly code: LineErrorCode }[] = [
  { body: { model: 'no-such-model', messages: [{ role: 'user', content: 'x' }] }, code: 'not_found_error' },
  {
    body: { model: IAB, messages: [{ role: 'user', content: 'x' }], temperature: 'hot' },
    code: 'invalid_request_error',
  },
  { body: { model: IAB, messages: [] }, code: 'invalid_request_error' },
];

/** Hard to keep: quotes, signs of other planes, what looks like JSON, what a database's text cannot hold. */
const ID_TAILS = ['', '', '', '', '"', '\\', ' 😀', 'ü\u0301', "'; --", '{"a":1}', '\u0000', '\ud800', '\n'];

export function makeBatch(count: number, answers: readonly SyncAnswer[], random: Random): MadeBatch {
  const lines: ExpectedLine[] = [];
  const rows: string[] = [];
  for (let i = 0; i < count; i++) {
    const customId = `line-${i}${ID_TAILS[Math.floor(random() * ID_TAILS.length)]!}`;
    const bad = random() < 1 / BAD_EVERY ? BAD[Math.floor(random() * BAD.length)]! : null;
    const text = Math.floor(random() * answers.length);
    const body = bad?.body ?? chatBody(TEXTS[text]!);
    lines.push({ customId, end: bad ? { kind: 'failed', code: bad.code } : endOf(answers[text]!) });
    rows.push(JSON.stringify({ custom_id: customId, method: 'POST', url: BATCH_ENDPOINT, body }));
    if (random() < 1 / BLANK_EVERY) rows.push('');
  }
  return { file: `${rows.join('\n')}\n`, lines };
}

export function chatBody(content: string): object {
  return { model: IAB, messages: [{ role: 'user', content }] };
}

/** A line costs half of what the same call costs by itself. */
export function endOf({ content, usage }: SyncAnswer): LineEnd {
  const cost = priceOf(findManifest(IAB)!, usage, 'interactive') / 2n;
  return { kind: 'answered', content, usage, cost };
}
