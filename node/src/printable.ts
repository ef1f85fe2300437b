/** Of what a gateway says to people. */
const MAX_LENGTH = 500;

/**
 * A gateway's words as they may stand in a log, on a terminal or on a page: one line, no control characters (they move
 * the cursor and change colours), no marks that turn the direction of writing around.
 */
export function printable(text: string): string {
  const line = text.slice(0, MAX_LENGTH).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ');
  return line.trim();
}
