/** Seeded inputs and what the tokenizer and the built-in models make of them. Runs in Node and in a browser. */
import { MANIFESTS, tokenizerOf } from '@zerogpu/catalogue';
import { plainInference } from '@zerogpu/protocol';
import { type LoadedModel, loadBuiltIn } from '@zerogpu/runtimes';

export const CASES = 240;
const SEED = 20_240_601;

/** Gives one weight file's bytes. */
export type ReadWeights = (model: string, path: string) => Promise<Uint8Array>;

/** For the tokenizer and each built-in model: a SHA-256 of its output for each case, in order. */
export async function sameBytesCases(read: ReadWeights): Promise<Record<string, string[]>> {
  const inputs = seededTexts(CASES, SEED);
  const hashes: Record<string, string[]> = { tokenizer: [] };
  for (const text of inputs) hashes['tokenizer']!.push(await hashOfTokens(text));
  for (const manifest of MANIFESTS) {
    if (manifest.runtime !== 'zlm' || manifest.files.length === 0) continue;
    const model = await loadBuiltIn(manifest.id, read);
    const own: string[] = [];
    for (const text of inputs) own.push(await sha256(await answerOf(model, text)));
    hashes[manifest.id] = own;
    model.unload();
  }
  return hashes;
}

async function hashOfTokens(text: string): Promise<string> {
  const tokenizer = tokenizerOf('zlm');
  const ids = tokenizer.encode(text);
  return await sha256(`${ids.join()}|${tokenizer.count(text)}|${units(tokenizer.truncate(text, 40))}`);
}

/** Everything that a run says: its pieces, its numbers, or its error. */
async function answerOf(model: LoadedModel, text: string): Promise<string> {
  const said: string[] = [];
  try {
    const asked = { ...plainInference(model.manifest.id, text), stream: true };
    const run = model.run(asked, new AbortController().signal);
    let step = await run.next();
    for (; !step.done; step = await run.next()) said.push(units(step.value.text));
    said.push(JSON.stringify(step.value));
  } catch (error) {
    said.push(String(error));
  }
  return said.join('\n');
}

/** Code units as numbers: UTF-8 would make all lone surrogates alike. */
function units(text: string): string {
  return Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)).join();
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
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
  '👩‍🚀🚀 e\u0301 \u00a0 \u200b \ufeff \u2028 \0 \ud83d \udc00 �',
] as const;
const SEPARATORS = [' ', '\n', '\n\n', '\n- ', '\r\n', '', '\t'] as const;

/** Sentences of many kinds in random order and number; every sixth text is random code units. */
function seededTexts(count: number, seed: number): string[] {
  const random = mulberry32(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  return Array.from({ length: count }, (_, i) => {
    let text = '';
    if (i % 6 === 5) {
      for (let n = below(400); n > 0; n--) text += String.fromCharCode(below(0x1_0000));
      return text;
    }
    for (let n = below(i % 10 === 0 ? 300 : 25); n >= 0; n--) {
      text +=
        SENTENCES[below(SENTENCES.length)]! + SEPARATORS[below(4) === 0 ? below(SEPARATORS.length) : 0]!;
    }
    return text.slice(0, below(12) === 0 ? below(text.length) : text.length);
  });
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
