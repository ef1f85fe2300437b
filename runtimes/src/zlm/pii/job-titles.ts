/** Job titles of several words: a rank or a field before what somebody is, "Senior Data Engineer". */
import type { PatternSpan } from '../entities/patterns/rule.ts';
import { isCapital, isLetter } from '../words.ts';
import type { Line } from './address-parts.ts';
import { KNOWN } from './gazetteer.ts';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

const HEADS = words(
  'engineer developer designer manager analyst scientist accountant consultant architect director officer lead administrator specialist coordinator assistant technician programmer researcher supervisor representative associate editor producer strategist planner controller auditor recruiter instructor therapist nurse electrician buyer clerk advisor adviser attorney paralegal writer copywriter translator tester intern owner',
);
const RANKS = words(
  'senior junior sr jr lead principal staff chief head deputy assistant associate trainee interim executive',
);
/** Before a head, and never a name of somebody or of a company. */
const FIELDS = words(
  'data software web cloud frontend backend full stack fullstack devops platform security network systems system site reliability machine learning ai ml ux ui product project program programme marketing sales account accounts finance financial tax legal hr human resources people operations business office supply chain logistics quality test research clinical medical mechanical electrical civil structural chemical process design art creative content brand community customer success support service it technical solutions solution engineering information technology mobile ios android game graphic interior property event procurement purchasing payroll credit risk compliance audit policy public relations media communications communication editorial social training development delivery release warehouse production plant maintenance field regional area store general managing scrum investment portfolio insurance claims',
);
const LONGEST = 6;

export function* jobTitles(line: Line): Generator<PatternSpan> {
  for (let i = 1; i < line.length; i++) {
    if (!isTitleWord(line, i) || !isHead(line, i) || isHead(line, i + 1)) continue;
    const first = titleStart(line, i);
    if (first < 0) continue;
    yield { start: line[first]!.start, end: line[i]!.end, label: 'job title', score: 0.78 };
  }
}

function isHead(line: Line, at: number): boolean {
  const token = line[at];
  return (
    token !== undefined &&
    isTitleWord(line, at) &&
    (HEADS.has(token.key) ||
      ((token.bits & KNOWN.job) !== 0 && !(token.bits & (KNOWN.first | KNOWN.surname))))
  );
}

/** A word with a capital. */
function isTitleWord(line: Line, at: number): boolean {
  const text = line[at]?.text ?? '';
  return isLetter(text.charCodeAt(0)) && isCapital(text.charCodeAt(0));
}

/** The first word of the title that ends at `end`; -1 when what is before it is no rank and no field. */
function titleStart(line: Line, end: number): number {
  let first = end;
  while (first > 0 && end - first < LONGEST) {
    const { key } = line[first - 1]!;
    if (isTitleWord(line, first - 1) && (RANKS.has(key) || FIELDS.has(key) || HEADS.has(key))) first--;
    else if (/^(?:&|and|\/)$/.test(key) && isTitleWord(line, first - 2) && FIELDS.has(line[first - 2]!.key))
      first -= 2;
    else break;
  }
  return first < end ? first : -1;
}
