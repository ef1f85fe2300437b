/** What the document checks need of Markdown: headings, links, code spans, fenced blocks and tables. Pure. */

export interface Block {
  /** The word after the opening fence, such as `bash`; empty when there is none. */
  readonly language: string;
  readonly text: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
}

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly { readonly cells: readonly string[]; readonly line: number }[];
}

interface Found {
  readonly text: string;
  readonly line: number;
}

/** The lines outside fenced blocks, the others blank, so that line numbers stay. */
function prose(markdown: string): string[] {
  let fence = '';
  return markdown.split('\n').map((line) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1] ?? '';
    const inside = fence !== '';
    if (!inside && mark !== '') fence = mark;
    else if (inside && mark.startsWith(fence)) fence = '';
    return inside || mark !== '' ? '' : line;
  });
}

export function blocks(markdown: string): Block[] {
  const found: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | null = null;
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = /^\s*```+\s*(\S*)/.exec(line);
    if (open === null && fence) open = { language: fence[1] ?? '', line: index + 1, lines: [] };
    else if (open !== null && fence) {
      found.push({ language: open.language, line: open.line, text: open.lines.join('\n') });
      open = null;
    } else open?.lines.push(line);
  }
  return found;
}

/** Targets of `[text](target)`, images too. */
export function links(markdown: string): Found[] {
  return everyMatch(markdown, /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g);
}

/** The insides of `code spans`. */
export function codeSpans(markdown: string): Found[] {
  return everyMatch(markdown, /`([^`\n]+)`/g);
}

function everyMatch(markdown: string, pattern: RegExp): Found[] {
  return prose(markdown).flatMap((line, index) =>
    [...line.matchAll(pattern)].map((match) => ({ text: match[1] ?? '', line: index + 1 })),
  );
}

/** The anchors that GitHub gives to headings: lower case, spaces to hyphens, most marks gone. */
export function anchors(markdown: string): Set<string> {
  const headings = prose(markdown).flatMap((line) => /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1] ?? []);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  );
}

export function tables(markdown: string): Table[] {
  const found: { header: string[]; rows: { cells: string[]; line: number }[] }[] = [];
  let previous: string[] | null = null;
  let current: (typeof found)[number] | null = null;
  for (const [index, line] of prose(markdown).entries()) {
    const cells = cellsOf(line);
    if (cells === null) current = null;
    else if (current !== null) current.rows.push({ cells, line: index + 1 });
    else if (previous !== null && cells.every((cell) => /^:?-+:?$/.test(cell))) {
      current = { header: previous, rows: [] };
      found.push(current);
    }
    previous = cells;
  }
  return found;
}

function cellsOf(line: string): string[] | null {
  const text = line.trim();
  if (!text.startsWith('|') || !text.endsWith('|')) return null;
  return text
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}
