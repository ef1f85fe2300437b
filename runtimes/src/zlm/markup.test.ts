import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainText } from './markup.ts';

describe('plainText', () => {
  it('leaves out tags, scripts, styles and comments, and keeps blocks apart', () => {
    const html =
      '<!-- x --><style>p { color: red }</style><h1>City &amp; bridge</h1><P class="a">One <b>bold</b> word.<br/>' +
      'Two &lt; three &unknown;.</P><script>if (a </b> c) {}</script><ul><li>Item</li></ul>';
    expect(
      plainText(html)
        .split('\n')
        .filter((line) => line.trim()),
    ).toEqual(['City & bridge', 'One bold word.', 'Two < three &unknown;.', 'Item']);
  });

  it('leaves text alone that is no HTML', () => {
    const texts = ['if a < b and c > d: List<String> x', 'a <p> b', 'R&amp;D', '<div>one</div>', ''];
    for (const text of texts) expect(plainText(text)).toBe(text);
  });

  it('ends with a script that is never closed', () => {
    expect(plainText('<p>a</p><p>b</p><p>c</p><script> </ </x> <script> d').trim()).toBe(
      'a\n\n\n\nb\n\n\n\nc',
    );
  });

  it('gets through any heap of brackets', () => {
    const part = fc.constantFrom('<', '>', '</p>', '<script>', '</', 'a', '<p', '&amp;', ' ', '<!--');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => {
        expect(plainText(parts.join('')).length).toBeLessThanOrEqual(parts.join('').length + 60);
      }),
    );
    for (const text of ['<script>', '<p', '</', '<', '<a ']) {
      expect(typeof plainText(`</p></p></p>${text.repeat(131_072 / text.length)}`)).toBe('string');
    }
  });
});
