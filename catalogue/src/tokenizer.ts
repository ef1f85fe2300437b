/**
 * The tokenizer that every model of ours counts with. Text is cut into the longest pieces of a fixed vocabulary,
 * left to right; a character that no piece begins with is a token of its own. No piece is longer than 16 UTF-16
 * code units, so the time is linear in the text whatever it holds, and nothing depends on the engine's Unicode
 * version. `models/python/train_tokenizer.py` trains the vocabulary.
 */
import { VOCABULARY } from './zlm-vocabulary.generated.ts';

/** Pieces cover the text exactly: joined, they are the text, lone surrogates included. */
export interface Tokenizer {
  /** 0 for the empty text only. */
  count(text: string): number;
  /** Token ids: the piece's place in the vocabulary, or the vocabulary's size plus the code point. */
  encode(text: string): Int32Array<ArrayBuffer>;
  /** @throws RangeError on a number that is no token id */
  decode(ids: ArrayLike<number>): string;
  /** The longest prefix of at most `limit` tokens; it ends at a token, and so never inside a character. */
  truncate(text: string, limit: number): string;
}

export type TokenizerName = 'zlm';

/** The tokenizer is made at the first call (tens of milliseconds) and shared afterwards. */
export function tokenizerOf(_name: TokenizerName): Tokenizer {
  zlm ??= new TrieTokenizer(readVocabulary(VOCABULARY));
  return zlm;
}

let zlm: Tokenizer | undefined;

const LAST_CODE_POINT = 0x10_ffff;

class TrieTokenizer implements Tokenizer {
  readonly #pieces: readonly string[];
  readonly #trie: Trie;

  constructor(pieces: readonly string[]) {
    this.#pieces = pieces;
    this.#trie = buildTrie(pieces);
  }

  count(text: string): number {
    let count = 0;
    for (let at = 0; at < text.length; count++) at = this.#end(text, at);
    return count;
  }

  encode(text: string): Int32Array<ArrayBuffer> {
    const ids = new Int32Array(text.length);
    let count = 0;
    for (let at = 0; at < text.length; count++) {
      const end = this.#end(text, at);
      ids[count] = this.#idOf(text, at, end);
      at = end;
    }
    return ids.slice(0, count);
  }

  decode(ids: ArrayLike<number>): string {
    let text = '';
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] ?? -1;
      text += this.#pieces[id] ?? String.fromCodePoint(checkedCodePoint(id, id - this.#pieces.length));
    }
    return text;
  }

  truncate(text: string, limit: number): string {
    let at = 0;
    for (let count = 0; count < limit && at < text.length; count++) at = this.#end(text, at);
    return text.slice(0, at);
  }

  /** Where the token that starts at `at` ends. */
  #end(text: string, at: number): number {
    const { classes, keys, children, pieceOf, mask } = this.#trie;
    let end = 0;
    let node = 0;
    for (let i = at; i < text.length; i++) {
      const key = (node << CLASS_BITS) | classes[text.charCodeAt(i)]!;
      let slot = slotOf(key, mask);
      while (keys[slot] !== key && keys[slot] !== EMPTY) slot = (slot + 1) & mask;
      if (keys[slot] === EMPTY) break;
      node = children[slot]!;
      if (pieceOf[node] !== NONE) end = i + 1;
    }
    return end || at + characterLength(text, at);
  }

  #idOf(text: string, at: number, end: number): number {
    const { classes, keys, children, pieceOf, mask } = this.#trie;
    let node = 0;
    for (let i = at; i < end; i++) {
      const key = (node << CLASS_BITS) | classes[text.charCodeAt(i)]!;
      let slot = slotOf(key, mask);
      while (keys[slot] !== key && keys[slot] !== EMPTY) slot = (slot + 1) & mask;
      if (keys[slot] === EMPTY) return this.#pieces.length + text.codePointAt(at)!;
      node = children[slot]!;
    }
    return pieceOf[node]!;
  }
}

/** 2 for a surrogate pair, 1 for anything else. */
function characterLength(text: string, at: number): number {
  const isPair = isHighSurrogate(text.charCodeAt(at)) && isLowSurrogate(text.charCodeAt(at + 1));
  return isPair ? 2 : 1;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function checkedCodePoint(id: number, codePoint: number): number {
  if (Number.isInteger(codePoint) && codePoint >= 0 && codePoint <= LAST_CODE_POINT) return codePoint;
  throw new RangeError(`No token has the id ${id}`);
}

const CLASS_BITS = 10;
const EMPTY = -1;
const NONE = -1;

/**
 * The vocabulary as a trie whose edges lie in one open-addressing hash table. Characters are numbered first
 * (`classes`; 0 is every character of no piece, and no edge has it), so that an edge's key fits 32 bits.
 */
interface Trie {
  /** UTF-16 code unit → class. */
  readonly classes: Uint16Array;
  /** Slot → `node << CLASS_BITS | class`, or EMPTY. */
  readonly keys: Int32Array;
  /** Slot → the node that the edge leads to. */
  readonly children: Int32Array;
  /** Node → the piece that ends there, or NONE. */
  readonly pieceOf: Int32Array;
  /** Number of slots less one; the number is a power of two. */
  readonly mask: number;
}

function slotOf(key: number, mask: number): number {
  const hash = Math.imul(key, 0x9e37_79b1);
  return (hash ^ (hash >>> 15)) & mask;
}

/** @param pieces sorted by UTF-16 code units, so that each shares its beginning with the one before */
function buildTrie(pieces: readonly string[]): Trie {
  const nodes = countNodes(pieces);
  const slots = 1 << (32 - Math.clz32(nodes * 2));
  const trie = {
    classes: classesOf(pieces),
    keys: new Int32Array(slots).fill(EMPTY),
    children: new Int32Array(slots),
    pieceOf: new Int32Array(nodes).fill(NONE),
    mask: slots - 1,
  };
  const path = new Int32Array(64);
  let made = 1;
  let previous = '';
  pieces.forEach((piece, index) => {
    for (let depth = sharedLength(previous, piece); depth < piece.length; depth++) {
      addEdge(trie, (path[depth]! << CLASS_BITS) | trie.classes[piece.charCodeAt(depth)]!, made);
      path[depth + 1] = made++;
    }
    trie.pieceOf[path[piece.length]!] = index;
    previous = piece;
  });
  return trie;
}

function addEdge(trie: Trie, key: number, child: number): void {
  let slot = slotOf(key, trie.mask);
  while (trie.keys[slot] !== EMPTY) slot = (slot + 1) & trie.mask;
  trie.keys[slot] = key;
  trie.children[slot] = child;
}

function countNodes(pieces: readonly string[]): number {
  let nodes = 1;
  let previous = '';
  for (const piece of pieces) {
    nodes += piece.length - sharedLength(previous, piece);
    previous = piece;
  }
  return nodes;
}

function classesOf(pieces: readonly string[]): Uint16Array {
  const classes = new Uint16Array(0x1_0000);
  let used = 0;
  for (const piece of pieces) {
    for (let i = 0; i < piece.length; i++) classes[piece.charCodeAt(i)] ||= ++used;
  }
  return classes;
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/** Characters that would not survive in a line of source, by what stands for them there. */
const STANDING_IN = [
  ['␣', ' '],
  ['␉', '\t'],
  ['␍', '\r'],
  ['␀', '`'],
  ['␢', '\u00a0'],
] as const;
const LINE_FEED = '␊';

/** Each line is the length shared with the line before (one base-36 digit) and the rest. */
function readVocabulary(frontCoded: string): string[] {
  let plain = frontCoded;
  for (const [symbol, character] of STANDING_IN) plain = plain.replaceAll(symbol, character);
  let previous = '';
  return plain.split('\n').map((line) => {
    const rest = line.slice(1);
    previous =
      previous.slice(0, Number.parseInt(line.charAt(0), 36)) +
      (rest.includes(LINE_FEED) ? rest.replaceAll(LINE_FEED, '\n') : rest);
    return previous;
  });
}
