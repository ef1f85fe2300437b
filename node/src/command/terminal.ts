/** A terminal on which a screen is redrawn in place. */
import type { ReadStream, WriteStream } from 'node:tty';
import type { ScreenSize } from './screen.ts';

/** A screen of its own, which leaves what was there before; no cursor on it. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
/** Terminals that know them show what lies between at once; others ignore them. */
const BEGIN_FRAME = '\x1b[?2026h\x1b[H';
const END_FRAME = '\x1b[J\x1b[?2026l';
const END_LINE = '\x1b[K';

/** A change is seen within a quarter of a second, and a node that idles draws a line a second. */
const REDRAW_MS = 250;

export interface Keys {
  pause(): void;
  quit(): void;
}

export function isTerminal(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
): boolean {
  return input.isTTY === true && output.isTTY === true && env['TERM'] !== 'dumb';
}

export class Terminal {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #render: (size: ScreenSize) => string[];
  readonly #colour: boolean;
  readonly #timer: NodeJS.Timeout;
  readonly #redraw = () => this.#draw(true);
  readonly #key: (data: Buffer) => void;
  #shown = '';
  #closed = false;

  constructor(
    input: ReadStream,
    output: WriteStream,
    options: { readonly colour: boolean; readonly keys: Keys; render(size: ScreenSize): string[] },
  ) {
    this.#input = input;
    this.#output = output;
    this.#colour = options.colour;
    this.#render = (size) => options.render(size);
    this.#key = (data) => press(data.toString('latin1'), options.keys);
    output.write(ENTER);
    input.setRawMode(true);
    input.on('data', this.#key);
    input.resume();
    output.on('resize', this.#redraw);
    // Stopped and continued by the shell: raw mode and screen are gone.
    process.on('SIGCONT', this.#again);
    this.#timer = setInterval(() => this.#draw(false), REDRAW_MS);
    this.#draw(true);
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    process.off('SIGCONT', this.#again);
    this.#output.off('resize', this.#redraw);
    this.#input.off('data', this.#key);
    this.#input.setRawMode(false);
    this.#input.pause();
    this.#output.write(LEAVE);
  }

  readonly #again = () => {
    this.#input.setRawMode(true);
    this.#output.write(ENTER);
    this.#draw(true);
  };

  /** What did not change is not written again: no flicker, and nothing to send over a slow line. */
  #draw(anyway: boolean): void {
    const { columns = 80, rows = 24 } = this.#output;
    const lines = this.#render({ columns, rows, colour: this.#colour });
    const text = lines.map((line) => line + END_LINE).join('\r\n');
    if (text === this.#shown && !anyway) return;
    this.#shown = text;
    this.#output.write(BEGIN_FRAME + text + END_FRAME);
  }
}

const CTRL_C = '\x03';
const CTRL_D = '\x04';

/** In raw mode Ctrl-C is a key like others. */
function press(keys: string, { pause, quit }: Keys): void {
  for (const key of keys) {
    if (key === 'p' || key === 'P') pause();
    if (key === 'q' || key === 'Q' || key === CTRL_C || key === CTRL_D) quit();
  }
}
