import { type PieceSink, TargetFailure } from '../flow.ts';

type Kind = 'text' | 'reasoning';

/**
 * Passes an answer's pieces on to the caller, over several attempts: what the caller already has is compared with
 * what the next target says and not sent again.
 */
export class ResumingSink {
  readonly #sink: PieceSink;
  readonly #sent: Record<Kind, string> = { text: '', reasoning: '' };

  constructor(sink: PieceSink) {
    this.#sink = sink;
  }

  /** True once the caller has some of the answer. */
  get started(): boolean {
    return this.#sent.text !== '' || this.#sent.reasoning !== '';
  }

  /** The sink for one attempt, which says the answer from its beginning. */
  attempt(): PieceSink {
    const at: Record<Kind, number> = { text: 0, reasoning: 0 };
    const half: Record<Kind, string> = { text: '', reasoning: '' };
    return {
      piece: (kind, piece) => {
        const text = half[kind] + piece;
        // A caller who decodes each event by itself could not put a character together again.
        half[kind] = /[\uD800-\uDBFF]$/.exec(text)?.[0] ?? '';
        const whole = text.slice(0, text.length - half[kind].length);
        this.#say(kind, at[kind], whole);
        at[kind] += whole.length;
      },
    };
  }

  /**
   * Sends what the pieces left out, so that the caller has the whole answer.
   * @throws TargetFailure internal, when the answer is not the one that was streamed
   */
  complete(text: string, reasoning: string | null): void {
    const whole: Record<Kind, string> = { text, reasoning: reasoning ?? '' };
    for (const kind of ['reasoning', 'text'] as const) {
      if (whole[kind].length < this.#sent[kind].length) throw differs();
      this.#say(kind, 0, whole[kind]);
    }
  }

  /** `text` stands at offset `at` of the answer. */
  #say(kind: Kind, at: number, text: string): void {
    const known = this.#sent[kind].slice(at, at + text.length);
    if (!text.startsWith(known)) throw differs();
    if (known.length === text.length) return;
    const fresh = text.slice(known.length);
    this.#sent[kind] += fresh;
    this.#sink.piece(kind, fresh);
  }
}

function differs(): TargetFailure {
  return new TargetFailure('internal', 'A target gave another answer than the one that was begun');
}
