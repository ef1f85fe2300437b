/** Splits the shell commands of a document into words, the way a POSIX shell would, for what documents use of it. */

export interface Command {
  readonly words: readonly string[];
  /** Line on which it begins, from 1. */
  readonly line: number;
}

/** What ends a command. */
const SEPARATOR = /^(?:\n|;|&&|\|\||\||&)/;

/**
 * Quotes, backslashes, comments and variables: those assigned before by `NAME=value` are replaced, others stay as
 * they are written. No substitution of commands, no globs, no here-documents.
 * @throws Error when a quote is not closed
 */
export function shellCommands(text: string): Command[] {
  const reader = new Reader(text);
  const commands: Command[] = [];
  for (let command = reader.command(); command !== null; command = reader.command()) {
    if (command.words.length > 0) commands.push(command);
  }
  return commands;
}

class Reader {
  readonly #text: string;
  readonly #variables = new Map<string, string>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next command, perhaps without words; null at the end. */
  command(): Command | null {
    if (this.#at >= this.#text.length) return null;
    const words: string[] = [];
    this.#skipBlanks();
    const line = this.#text.slice(0, this.#at).split('\n').length;
    while (this.#at < this.#text.length && !this.#take(SEPARATOR)) {
      const word = this.#word();
      if (words.length > 0 || !this.#assign(word)) words.push(word);
      this.#skipBlanks();
    }
    return { words, line };
  }

  /** Between words: spaces, continued lines, a comment. */
  #skipBlanks(): void {
    this.#take(/^(?:[ \t]|\\\n)*(?:#[^\n]*)?/);
  }

  #take(pattern: RegExp): string {
    const taken = pattern.exec(this.#text.slice(this.#at))?.[0] ?? '';
    this.#at += taken.length;
    return taken;
  }

  #word(): string {
    let word = '';
    for (;;) {
      const plain = this.#take(/^(?:\\[^\n]|[^\s;&|'"\\])+/);
      if (plain !== '') word += this.#expand(plain).replace(/\\(.)/g, '$1');
      else if (this.#text.startsWith("'", this.#at)) word += this.#quoted(/^'[^']*'/);
      else if (this.#text.startsWith('"', this.#at)) {
        word += this.#expand(this.#quoted(/^"(?:\\[\s\S]|[^"\\])*"/).replace(/\\\n/g, '')).replace(
          /\\(["\\$`])/g,
          '$1',
        );
      } else return word;
    }
  }

  #quoted(pattern: RegExp): string {
    const quoted = this.#take(pattern);
    if (quoted === '') throw new Error(`A quote is not closed: ${this.#text.slice(this.#at, this.#at + 30)}`);
    return quoted.slice(1, -1);
  }

  #expand(text: string): string {
    return text.replace(/(?<!\\)\$(?:\{(\w+)\}|(\w+))/g, (written, braced, bare) => {
      return this.#variables.get(braced ?? bare) ?? written;
    });
  }

  #assign(word: string): boolean {
    const match = /^(\w+)=([\s\S]*)$/.exec(word);
    // What a command will say is not known here: such a variable stays as it is written.
    if (match?.[2]?.startsWith('$(')) this.#variables.delete(match[1] ?? '');
    else if (match) this.#variables.set(match[1] ?? '', match[2] ?? '');
    return match !== null;
  }
}
