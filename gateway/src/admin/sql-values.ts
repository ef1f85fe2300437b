/** The values of a statement under construction. What a caller wrote goes here and never into the text. */
export class SqlValues {
  readonly list: unknown[] = [];

  /** @returns its place in the text, such as `$3` */
  add(value: unknown): string {
    this.list.push(value);
    return `$${this.list.length}`;
  }
}
