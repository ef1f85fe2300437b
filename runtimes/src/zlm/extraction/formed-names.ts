/** What names and nouns show by their form: versions, job titles, medicines before a dose, diseases by their ending. */
import type { KindLexicon } from '../entities/kind-lexicon.ts';
import type { Candidate } from './entity-finder.ts';
import type { Meaning } from './label-meaning.ts';
import type { TextReading } from './text-reading.ts';

interface Form {
  readonly score: number;
  readonly pattern: RegExp;
}

const VERSION: Form = {
  score: 0.86,
  pattern:
    /(?<![\w.$€£/@:-])(?:v\d{1,4}(?:\.\d{1,5}){0,4}|\d{1,4}(?:\.\d{1,5}){2,4}|(?<=\b[Vv]ersion:? {1,2})\d{1,4}(?:\.\d{1,5}){0,4})(?:-(?:alpha|beta|rc|dev|pre)[.\d]{0,6})?(?![\w%]|\.\d)/g,
};

/** By the kind that a label asks for. */
const FORMS: Readonly<Record<string, readonly Form[]>> = {
  company: [
    {
      score: 0.96,
      pattern:
        /(?<![\wÀ-ɏ'’&-])(?!(?:The|Der|Die|Das|El|La|Le|An|At|In|By|With|Our|Bei|Von|Mit) )[A-ZÀ-Þ][\wÀ-ɏ'’&-]{0,24}(?: (?:(?:&|de|du|del|della|and|und|y|et|e) )?[A-ZÀ-Þ][\wÀ-ɏ'’&-]{0,24}){0,4},? (?:GmbH(?: & Co\.? KG)?|Ltd\.?|Limited|LLC|LLP|PLC|plc|Inc\.?|Corp\.?|AG|KG|SAS|SARL|S\.A\.S\.|S\.L\.U?\.?|S\.A\.|S\.r\.l\.?|S\.p\.A\.?|Srl|SpA|Ltda\.?|Lda\.?|B\.V\.|N\.V\.|BV|NV|Oy|AB|ApS|A\/S|AS|Pty Ltd)(?![\wÀ-ɏ])/g,
    },
  ],
  'job title': [
    {
      score: 0.88,
      pattern:
        /(?<![\w'’-])(?:(?:Senior|Junior|Chief|Deputy|Assistant|Associate|Acting|Interim|Regional|Global|Project|Product|Team|Tech|Technical|Design|Data|Sales|Marketing|Account|Office|Program|Programme|Operations|Finance|Engineering|Community|Support|Research|Creative|Art|Executive|Managing|Human Resources|HR|IT) ){1,3}(?:Lead|Manager|Director|Officer|Head|Owner|Engineer|Analyst|Scientist|Designer|Developer|Consultant|Coordinator|Specialist|Assistant|Editor|Producer|Partner)(?![\w-])/g,
    },
  ],
  drug: [
    {
      // "ferrous sulfate 200 mg twice daily"
      score: 0.8,
      pattern:
        /(?<![\w-])(?!(?:take|takes|taking|give|given|of|and|or|with|on|to|the|a|than|per|about|plus|dose|dosage|daily|suggest|start|started|increase|continue|prescribed|contains|weighs)\s)(?:(?:ferrous|sodium|potassium|calcium|magnesium|zinc|folic|ascorbic|acetylsalicylic|insulin|valproic|lithium) )?[A-Za-z]{4,20}(?= \d{1,4}(?:[.,]\d{1,3})? ?(?:mg|mcg|µg|g|iu|IU|ml)\b(?: (?:tablets?|capsules?|once|twice|three times|daily|a day|per day|every|bd|od|tds|po|iv|b\.i\.d|at night|nightly|weekly|as needed|\d)|[,.;)]? ?(?:once|twice|daily)))/g,
    },
    {
      score: 0.8,
      pattern:
        /(?<![\w-])(?:(?:ferrous|sodium|potassium|calcium|magnesium|zinc|lithium) (?:sulfate|sulphate|chloride|gluconate|fumarate|carbonate|citrate|valproate|bicarbonate|hydroxide)|folic acid|acetylsalicylic acid)(?![\w-])/g,
    },
  ],
  disease: [
    {
      score: 0.88,
      pattern:
        /(?<![\w-])(?:(?:acute|chronic|severe|mild|primary|secondary|iron|vitamin|deficiency|rheumatoid|type|multiple|ulcerative|bacterial|viral|allergic|pernicious|sickle|cell|haemolytic|hemolytic|aplastic|coronary|cystic|infectious|atopic|diabetic|[a-z]{3,14}[aeiou](?:al|ar|ic|oid|ous)|[Bb]\d{1,2}|[12]) ){0,3}[A-Za-z]{0,20}(?:an?aemia|anemia|aemia|emia|itis|osis|opathy|algia|oma|pnea|pnoea|rrhoea|rrhea|plegia|phobia|syndrome|sclerosis|diabetes|carcinoma)(?![\w-])/g,
    },
  ],
  city: [
    {
      // "the port of Felixmouth", "Stadtrat von Lindenau"
      score: 0.86,
      pattern:
        /(?<=(?<![\wÀ-ɏ])(?:city|town|village|municipality|mayor|port|borough|City|Mayor|Stadt|Stadtrat|Gemeinde|Hansestadt|ciudad|villa|ville|mairie|città|comune|cidade) (?:of|von|de|di|do) )[A-ZÀ-Þ][\wÀ-ɏ'’-]{1,24}(?: [A-ZÀ-Þ][\wÀ-ɏ'’-]{1,24}){0,2}/g,
    },
  ],
};

/** Endings of diseases that these words have too. */
const NO_DISEASE =
  /^(?:diagnosis|prognosis|hypnosis|osmosis|metamorphosis|diploma|aroma|coma|soma|academia|bohemia|cinema|schema|enema|chemical|oklahoma|roma|paloma|anosmia|emphasis|symbiosis|photosynthesis|apotheosis|syndrome)$/i;

/** Candidates by form for a label or field. */
export function formedCandidates(meaning: Meaning, reading: TextReading, kinds: KindLexicon): Candidate[] {
  if (meaning.terms.at(-1) === VERSION_TERM) return matches(VERSION, reading);
  if (meaning.kind === null) return [];
  const found: Candidate[] = [];
  for (const [name, forms] of Object.entries(FORMS)) {
    const kind = kinds.namedExactly(name);
    if (kind === null || !(kinds.isA(kind, meaning.kind) || kinds.isA(meaning.kind, kind))) continue;
    for (const form of forms) found.push(...matches(form, reading));
  }
  return found;
}

const VERSION_TERM = 'version';

function matches({ score, pattern }: Form, { flowing }: TextReading): Candidate[] {
  return [...flowing.matchAll(pattern)]
    .filter(({ 0: text }) => !NO_DISEASE.test(text))
    .map(({ 0: text, index }) => ({ start: index, end: index + text.length, score }));
}

const ROLE = /^ ?\((?:[^()]{0,60}[“"„«'‘])?(?:the |der |die |el |la |le )?([^()“”"«»'’]{2,40})[”"“»'’]?\)/;

/** The role that a bracket behind a name gives it: "Jonas Petersen (“the Tenant”)"; null when there is none. */
export function roleBehind(text: string, end: number): string | null {
  return ROLE.exec(text.slice(end, end + 110))?.[1] ?? null;
}

const TITLE_LINE = /^[A-ZÀ-Þ0-9“"«¿¡][^\n]{2,89}$/;
const TITLE_END = /^(.{3,80}?)(?: ?[(|·•]| [–—-] |: |\t| {2}|$)/;

/** A heading that opens the text, without what a bracket or dash adds to it; null when the text has none. */
export function titleLine(text: string): { start: number; end: number } | null {
  const start = text.length - text.trimStart().length;
  const newline = text.indexOf('\n', start);
  if (newline < 0 || text.trimEnd().length <= newline) return null;
  const line = text.slice(start, newline).trimEnd();
  if (!TITLE_LINE.test(line) || /[.,;:!?…]["”]?$/.test(line)) return null;
  if (/^[^\s].{0,40}[:=] |^[A-Za-zÀ-ž ]{1,24}:/.test(line) || /\d{1,2}[/.]\d{1,2}[/.]\d{2,4}/.test(line))
    return null;
  const next = text.slice(newline + 1, newline + 81);
  // A line as full as the next is the first of a paragraph.
  const isApart = /^[ \t\r]*\n/.test(next) || (line.length < 72 && isSentence(text, newline + 1));
  const title = TITLE_END.exec(line)?.[1];
  return isApart && title !== undefined ? { start, end: start + title.trimEnd().length } : null;
}

/** Whether a paragraph begins here: more text than a line of verse or a list has. */
function isSentence(text: string, from: number): boolean {
  const newline = text.indexOf('\n', from);
  return (newline < 0 ? text.length : newline) - from > 72;
}
