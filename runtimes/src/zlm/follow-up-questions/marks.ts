/** What a text gives away about itself as a whole: whether it reports something that happened, and what it answers already. */

/** Days and speakers of reports; articles of encyclopedias give years. */
const DATED =
  /\b(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|[Tt]oday|[Yy]esterday|[Tt]onight|this (?:week|morning|afternoon|evening)|[Ll]ast (?:week|night))\b/;
const REPORTED = /\b(?:said|told|announced|according to|reported)\b/;
/** Texts shorter than this may be news without naming a day. */
const BRIEF_NEWS = 400;
const LEAD = 300;
const SHORTEST_ARTICLE = 300;
const PERSONAL = /\b(?:I|[Ww]e|[Yy]ou|[Yy]our|[Oo]ur|[Mm]y|me|us)\b/;
/** Notions of mathematics are met in no everyday life. */
const FORMAL =
  /^\W{0,3}In [a-z ,]{0,60}\b(?:mathematics|mathematical|algebra|topology|geometry|theory|analysis|logic|calculus|statistics|combinatorics)\b/;

/** Answers in the making: generous, since a question that is answered already is worse than one not asked. */
const TOLD: readonly (readonly [string, RegExp])[] = [
  [
    'cause',
    /\b(?:because|due to|caused?|causes|causing|in response to|as a result|result of|after|following|amid|reasons?|owing to|in order to|since|so that|prompted|triggered|aims? to)\b/,
  ],
  ['agent', /\b(?:by (?:[A-Z]|an? |the )|suspects?|suspected|arrested|claimed|blamed?|accused|responsib)/],
  [
    'count',
    /\b(?:\d[\d,.]*|two|three|four|five|six|seven|eight|nine|ten|dozens|hundreds|thousands|millions?) (?:[a-z-]+ ){0,2}[a-z]{3,}s\b|\b\d[\d,.]* (?:people|men|women|children|dead)\b/,
  ],
  ['money', /[$€£]\s?\d|\b(?:dollars|euros|pounds|cents|billion)\b|\b(?:EUR|USD|GBP)\b/],
  [
    'reaction',
    /\b(?:critic(?:s|al|ism|ized|ised|ises|izes)|condemn(?:s|ed)|oppos(?:ed?|es|ing|ition)|react(?:s|ed|ions?)|welcomed|protest(?:s|ed)|outrage|praised|denied|respon(?:ded|se))\b/,
  ],
  [
    'next',
    /\b(?:next (?:week|month|year|step)|will (?:be|meet|vote|hold|begin|start|take)|plans? to|planned|scheduled|expected to)\b/,
  ],
];

/** `reports` for news of what happened, `formal` for mathematics, `impersonal` for long prose without "I" and "you", `told:…` for what stands in the text already. */
export function marksOf(text: string, kind: string): string[] {
  const marks = TOLD.filter(([, pattern]) => pattern.test(text)).map(([name]) => `told:${name}`);
  if (isReport(text, kind)) marks.push('reports');
  if (FORMAL.test(text)) marks.push('formal');
  if (text.length > SHORTEST_ARTICLE && !PERSONAL.test(text)) marks.push('impersonal');
  return marks;
}

function isReport(text: string, kind: string): boolean {
  if (kind === 'general') {
    const lead = text.slice(0, LEAD);
    return DATED.test(lead) || REPORTED.test(lead) || /\bha(?:s|ve) [a-z]+ed\b/.test(lead);
  }
  if (kind !== 'news') return false;
  return DATED.test(text) || REPORTED.test(text) || text.length < BRIEF_NEWS;
}
