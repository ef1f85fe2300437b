/** Parts of speech, in the order of the weights' table of transitions. */
export const TAGS = [
  ...(['DT', 'PS', 'PP', 'IN', 'TO', 'CC', 'CD', 'MD', 'BE', 'HV', 'DO', 'WH', 'NG', 'EX'] as const),
  ...(['NN', 'NS', 'NP', 'JJ', 'RB', 'VB', 'VZ', 'VD', 'VN', 'VG', 'PO', 'CM', 'ST', 'OT'] as const),
] as const;

/**
 * DT determiner, PS possessive, PP pronoun, IN preposition or conjunction, CC and/or, CD number, MD modal, BE HV DO
 * auxiliaries, WH question word, NG not, EX there; NN noun, NS plural, NP name, JJ adjective, RB adverb, VB base form,
 * VZ third person, VD past, VN participle, VG -ing; PO 's, CM comma, ST full stop, OT other marks.
 */
export type Tag = (typeof TAGS)[number];

const NUMBERS: ReadonlyMap<string, number> = new Map(TAGS.map((tag, i) => [tag, i]));

/** @returns the tag's number, or -1 */
export function tagNumber(tag: string): number {
  return NUMBERS.get(tag) ?? -1;
}
