/** Plain text of what was pasted as HTML. One pass: every part of the text is looked at once. */
import { lowerCase } from './words.ts';

/** Fewer closing tags than this, and a `<` is taken for what it says: a program, a formula, a comparison. */
const FEWEST_CLOSING_TAGS = 3;
const CLOSING_TAG =
  /<\/(?:p|div|h[1-6]|li|ul|ol|a|span|b|i|em|strong|td|tr|table|body|html|article|section)>/gi;
const TAG = /<(!--|\/?[a-zA-Z][a-zA-Z0-9]{0,15})[^<>]{0,2000}>/y;
const BLOCKS = new Set(
  (
    'p div h1 h2 h3 h4 h5 h6 li ul ol tr td th table body html head title article section header footer nav aside ' +
    'main br hr blockquote figure figcaption pre form button'
  ).split(' '),
);
const UNREAD = ['script', 'style'];

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  '#39': "'",
  nbsp: ' ',
  copy: '©',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
};

/** The text itself when it is no HTML; else without tags, scripts and styles, a blank line at each block's ends. */
export function plainText(text: string): string {
  if (!isHtml(text)) return text;
  let plain = '';
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('<', at);
    if (open === -1) break;
    plain += text.slice(at, open);
    const tag = tagAt(text, open);
    if (tag) {
      plain += BLOCKS.has(tag.name) ? '\n\n' : '';
      at = UNREAD.includes(tag.name) ? behindClosing(text, tag) : tag.end;
    } else {
      plain += '<';
      at = open + 1;
    }
  }
  return (plain + text.slice(at)).replace(
    /&(#39|[a-z]{2,6});/g,
    (entity, name: string) => ENTITIES[name] ?? entity,
  );
}

function isHtml(text: string): boolean {
  let tags = 0;
  for (const _ of text.matchAll(CLOSING_TAG)) if (++tags === FEWEST_CLOSING_TAGS) return true;
  return false;
}

interface Tag {
  /** Lower case, without the slash of a closing tag. */
  readonly name: string;
  readonly end: number;
}

function tagAt(text: string, at: number): Tag | null {
  TAG.lastIndex = at;
  const match = TAG.exec(text);
  return match ? { name: lowerCase(match[1]!.replace('/', '')), end: at + match[0].length } : null;
}

/** Behind `</script>`; the end of the text when it is missing, as a browser reads it. */
function behindClosing(text: string, tag: Tag): number {
  let at = tag.end;
  for (;;) {
    const close = text.indexOf('</', at);
    if (close === -1) return text.length;
    const closing = tagAt(text, close);
    if (closing?.name === tag.name) return closing.end;
    at = close + 2;
  }
}
