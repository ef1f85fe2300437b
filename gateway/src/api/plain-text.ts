/** The text of a message's content: as it is, or its parts joined as they follow one another. */
export function plainText(content: string | readonly { readonly text: string }[]): string {
  return typeof content === 'string' ? content : content.map((part) => part.text).join('');
}
