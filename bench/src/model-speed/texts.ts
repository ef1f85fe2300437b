/** Texts to run models on: plausible news from a seed, and inputs made to hurt. Pure. */
import { shuffled } from '../support/random.ts';

const PARAGRAPHS = [
  'The city council voted on Tuesday to rebuild the old harbour bridge, which has been closed to heavy traffic since cracks were found in two of its piers. Work begins in May and is to take two years. The mayor said that ferries would run every ten minutes until then.',
  'Shares in the battery maker fell by eleven percent after it cut its forecast for the second time this year. Analysts blamed weak demand for electric cars in Europe and a price war among suppliers. The company still expects to open its third plant in the autumn.',
  'Astronomers have found a planet the size of Neptune that circles its star in less than a day. Its surface is thought to be hot enough to melt iron. The team used a telescope in Chile and confirmed the signal with a satellite.',
  'The home side came back from two goals down to win the derby in the last minute of extra time. Their captain, who had missed a penalty in the first half, scored the winner with a header. They now meet the champions in the semi-final.',
  'A new study followed four thousand nurses for twelve years and found that those who worked nights slept an hour less and had higher blood pressure. The authors caution that diet and age explain part of the difference. They call for longer breaks between shifts.',
  'Set the oven to two hundred degrees and roast the peppers until their skin is black. Peel them when they have cooled, then blend them with garlic, olive oil and a spoon of vinegar. The sauce keeps for a week in the refrigerator and goes well with grilled fish.',
  'The airline will drop nine routes to the islands next winter, citing the price of fuel and a shortage of crews. Passengers who have booked can change to another date or have their money back. Hotel owners on the smallest island say that half of their guests arrive that way.',
  'The museum reopened on Saturday after a restoration that cost forty million pounds. Visitors can see the whale skeleton again, now hung from the ceiling of the main hall. A room on the ground floor tells how the collection was brought home, and what will be given back.',
  'The ministry proposed a law that lets tenants end a lease early when a flat is damp. Landlords would have thirty days to repair the damage before the rent falls by a fifth. The opposition said that the law ignores the shortage of builders in the countryside.',
  'Version six of the photo editor removes objects without a trace and runs entirely on the phone. In our test it took three seconds for a picture of twelve megapixels. The battery lost four percent in half an hour of work, and the phone grew warm.',
];

/** A text of at least `characters` characters from whole paragraphs in a random order. */
export function newsText(characters: number, random: () => number): string {
  let text = '';
  while (text.length < characters) text += `${shuffled(PARAGRAPHS, random).join('\n\n')}\n\n`;
  return text;
}

/** Makes a text of exactly `length` UTF-16 code units, or of as many of what its name says. */
export type Pathology = (length: number) => string;

const repeat =
  (unit: string): Pathology =>
  (length) =>
    unit.repeat(Math.ceil(length / unit.length)).slice(0, length);

const numbered =
  (unit: (i: number) => string): Pathology =>
  (length) => {
    const parts: string[] = [];
    for (let i = 0, sum = 0; sum < length; i++) {
      const part = unit(i);
      parts.push(part);
      sum += part.length;
    }
    return parts.join('').slice(0, length);
  };

/** Each is known to be slow for some tokenizer, splitter or classifier. */
export const PATHOLOGIES: Readonly<Record<string, Pathology>> = {
  'one letter': repeat('a'),
  'one CJK character': repeat('漢'),
  'one emoji': repeat('😀'),
  spaces: repeat(' '),
  'line feeds': repeat('\n'),
  'full stops': repeat('. '),
  'no spaces': repeat('thequickbrownfoxjumpsoverthelazydog'),
  'combining marks': repeat('e\u0301\u0308\u0323'),
  'lone surrogates': repeat('\ud83d'),
  'one word': repeat('bridge '),
  'one sentence': repeat('The bridge is closed. '),
  'new words': numbered((i) => `w${((i * 2_654_435_761) >>> 0).toString(36)} `),
  'new sentences': numbered((i) => `Item ${i} costs ${i * 7} in ${((i * 40_503) >>> 0).toString(36)}. `),
  'open brackets': repeat('(['),
  'quotes and dashes': repeat('“—” '),
  abbreviations: repeat('Dr. U.S. e.g. '),
  'sentences (counted)': (length) => 'A. '.repeat(length),
};
