/**
 * Amounts and times in a text: money, percentages, measures, durations, dates, times of day, plain numbers. English
 * first; dates, currencies and units also as German, French, Spanish, Italian and Portuguese write them.
 * Every pattern begins at a word and has bounded repetitions, so that the time is linear in the text.
 */
import { lowerCase } from '../words.ts';

export type QuantityKind =
  | 'money'
  | 'percent'
  | 'measure'
  | 'duration'
  | 'date'
  | 'year'
  | 'time'
  | 'ordinal'
  | 'score'
  | 'number';

export interface Quantity {
  readonly kind: QuantityKind;
  readonly start: number;
  readonly end: number;
  /** The amount, with "million" and the like worked in; null for dates and times. */
  readonly value: number | null;
  /** Lower case; a currency's sign or code, a measure's unit; empty when there is none. */
  readonly unit: string;
  /** YYYY-MM-DD of a date that says year, month and day; else null. */
  readonly iso: string | null;
}

const MONTH_NAMES: readonly string[] = [
  'january jan januar jänner janvier janv enero ene gennaio gen janeiro',
  'february feb februar février fevrier févr fév febrero febbraio febb fevereiro fev',
  'march mar märz maerz mrz mars marzo março marco',
  'april apr avril avr abril abr aprile',
  'may mai mayo maggio mag maio',
  'june jun juni juin junio giugno giu junho',
  'july jul juli juillet juil julio luglio lug julho',
  'august aug août aout agosto ago',
  'september sep sept septembre septiembre settembre set setembro',
  'october oct oktober okt octobre octubre ottobre ott outubro out',
  'november nov novembre noviembre novembro',
  'december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro',
];

const MONTHS: ReadonlyMap<string, number> = new Map(
  MONTH_NAMES.flatMap((names, i) => names.split(' ').map((name): [string, number] => [name, i + 1])),
);

/** Short names of months that are no other word: Portuguese "out" and Italian "set" need a year. */
const SHORT_MONTHS = new Set('jan feb mar apr may jun jul aug sep oct nov dec okt mai dez'.split(' '));

const NUMBER_WORDS: ReadonlyMap<string, number> = new Map(
  (
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen ' +
    'eighteen nineteen twenty'
  )
    .split(' ')
    .map((word, i): [string, number] => [word, i]),
);

const SCALES: ReadonlyMap<string, number> = new Map([
  ['k', 1e3],
  ['thousand', 1e3],
  ['tausend', 1e3],
  ['mille', 1e3],
  ['mil', 1e3],
  ['m', 1e6],
  ['mn', 1e6],
  ['mm', 1e6],
  ['mio', 1e6],
  ['million', 1e6],
  ['millionen', 1e6],
  ['millions', 1e6],
  ['millones', 1e6],
  ['milioni', 1e6],
  ['milhões', 1e6],
  ['lakh', 1e5],
  ['crore', 1e7],
  ['b', 1e9],
  ['bn', 1e9],
  ['billion', 1e9],
  ['milliarden', 1e9],
  ['milliards', 1e9],
  ['miliardi', 1e9],
  ['mrd', 1e9],
  ['tn', 1e12],
  ['trillion', 1e12],
]);

/** Where a pattern's named groups go: one reader for each kind. */
interface Rule {
  readonly kind: QuantityKind;
  readonly pattern: RegExp;
}

const RULES: readonly Rule[] = [
  // 2024-03-05, 2024/3/5
  { kind: 'date', pattern: /(?<![\d./-])(?<y>(?:1\d|20)\d\d)([-/.])(?<m>\d{1,2})\2(?<d>\d{1,2})(?![\d-])/g },
  // 05.03.2024, 5/3/24, 05-03-2024
  {
    kind: 'date',
    pattern:
      /(?<![\d./-])(?<a>\d{1,2})(?<sep>[-/.])[ ]?(?<b>\d{1,2})\k<sep>[ ]?(?<y>(?:1\d|20)\d\d|\d\d)(?![\d/-]|[.,]\d)/g,
  },
  // 5 March 2024, 5. März 2024, 1er mars 2024, 5 de marzo de 2024, 05-Mar-2024, 3rd of May
  {
    kind: 'date',
    pattern:
      /(?<![\w.,])(?<d>\d{1,2})(?:st|nd|rd|th|er|º|\.)?[ -](?:of |de |di )?(?<name>[a-zà-ÿ]{3,10})\b\.?(?:,?[ -](?:de |del |di )?(?<y>(?:1\d|20)\d\d)(?!\d))?/g,
  },
  // March 5, 2024; March 5th; Mar. 5
  {
    kind: 'date',
    pattern:
      /(?<![\w])(?<name>[a-z]{3,9})\.? (?<d>\d{1,2})(?:st|nd|rd|th)?(?![\d:.]\d|\d)(?:,? (?<y>(?:1\d|20)\d\d)(?!\d))?/g,
  },
  // March 2024
  {
    kind: 'date',
    pattern: /(?<![\w])(?<name>[a-zà-ÿ]{3,10})\.?,? (?:de |del |of )?(?<y>(?:1\d|20)\d\d)(?![\d])/g,
  },
  // 03/2024
  { kind: 'date', pattern: /(?<![\d./-])(?<m>0[1-9]|1[0-2])\/(?<y>(?:1\d|20)\d\d)(?![\d/])/g },
  {
    kind: 'date',
    pattern:
      /(?<![\w])(?:(?:the )?day (?:after tomorrow|before yesterday)|today|tomorrow|tonight|yesterday|(?:next|last|this|past) (?:week|month|year|quarter|weekend|spring|summer|autumn|fall|winter|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|november|december)|(?:mon|tues|wednes|thurs|fri|satur|sun)day|heute|morgen|gestern|hoy|mañana|ayer|aujourd['’]hui|demain|hier|oggi|domani|ieri|hoje|amanhã|ontem)(?![\w])/g,
  },
  {
    kind: 'date',
    pattern:
      /(?<![\w])(?:q[1-4] (?:(?:1\d|20)\d\d)|(?:1\d|20)\d0s|(?:spring|summer|autumn|winter) (?:of )?(?:1\d|20)\d\d)(?![\w])/g,
  },
  {
    kind: 'money',
    pattern:
      /(?:(?<![\w])(?:us|ca|c|au|a|nz|hk|s|r)?(?<sign>[$€£¥₹₽₩₺₴₿])|(?<![\w])(?<code>usd|eur|gbp|chf|jpy|inr|cad|aud|nzd|sek|nok|dkk|pln|czk|brl|mxn|cny|rmb|krw|rs\.?|fr\.))[ \u00a0]?(?<n>\d[\d.,'’]{0,18}\d|\d)(?:[ -]?(?<scale>k|m|mn|bn|b|tn|thousand|million|billion|trillion|lakh|crore|mio|mrd)(?![\w]))?/g,
  },
  {
    kind: 'money',
    pattern:
      /(?<![\w.,$€£])(?<n>\d[\d.,'’]{0,18}\d|\d)[ \u00a0-]?(?:(?<scale>k|m|mn|bn|thousand|million|billion|trillion|mio\.?|mrd\.?|millionen|milliarden|millions|milliards|millones|mil|milioni|miliardi|milhões)[ \u00a0](?:de |d['’]|di )?)?(?<unit>[$€£¥₹]|(?:usd|eur|gbp|chf|jpy|inr|cad|aud|sek|nok|dkk|pln|brl|mxn|cny|us dollars?|dollars?|bucks|euros?|pounds? sterling|pounds|quid|yen|rupees?|francs?|franken|pesos?|reais|real|cents?|yuan|rubles?|won|kronor|kroner|zloty)(?![\w]))/g,
  },
  {
    kind: 'percent',
    pattern:
      /(?<![\w])(?<n>[-+−]?\d[\d.,]{0,10}\d|[-+−]?\d)[ \u00a0]?(?<unit>%|percent(?![\w])|per cent(?![\w])|percentage points?(?![\w])|prozent(?![\w])|pour cent(?![\w])|por ciento(?![\w])|per cento(?![\w])|por cento(?![\w]))/g,
  },
  {
    kind: 'duration',
    pattern:
      /(?<![\w.,$€£])(?<n>\d[\d.,]{0,8}\d|\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|sixty|ninety|half an?|an?)(?= |-))(?:[ ]?[-–][ ]?\d{1,4})?[ -]?(?<unit>(?:milli)?seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|nights?|weeks?|months?|years?|yrs?|decades?|centur(?:y|ies)|sekunden?|minuten?|stunden?|std\.?|tage?n?|wochen?|monate?n?|jahre?n?|secondes?|heures?|jours?|semaines?|mois|ans?|années?|segundos?|minutos?|horas?|días?|dias?|semanas?|mes(?:es)?|años?|anos?|minuti|ore|ora|giorni|giorno|settimane|mesi|anni|anno|ms)(?![\w])/g,
  },
  {
    kind: 'time',
    pattern:
      /(?<![\w.:])(?:(?<h>[01]?\d|2[0-3]):(?<min>[0-5]\d)(?::[0-5]\d)?(?:[ ]?(?:[ap]m|[ap]\.m\.)(?![\w]))?|(?:[01]?\d)(?:[.:][0-5]\d)?[ ]?(?:[ap]m|[ap]\.m\.)(?![\w])|(?:[01]?\d|2[0-3])h(?:[0-5]\d)?(?![\w])|(?:[01]?\d|2[0-3])(?:[.:][0-5]\d)? uhr(?![\w]))(?!\d)/g,
  },
  { kind: 'time', pattern: /(?<![\w])(?:noon|midnight|mittags?|mitternacht|mediodía|minuit)(?![\w])/g },
  // 3-1, 102:98
  { kind: 'score', pattern: /(?<![\w.,:-])\d{1,3} ?[-–:] ?\d{1,3}(?![\w:-]|[.,]\d)/g },
  {
    kind: 'measure',
    pattern:
      /(?<![\w.,$€£])(?<n>\d[\d.,/]{0,14}\d|\d|[½¼¾⅓⅔])[ \u00a0-]?(?<unit>kg|kilograms?|kilos?|grams?|gramm|g|mg|milligrams?|µg|mcg|ug|tons?|tonnes?|t|lbs?|pounds|ounces?|oz|km\/h|kmh|km²|km|kilomet(?:er|re)s?|met(?:er|re)s?|m²|m2|qm|m³|m|cm|centimet(?:er|re)s?|mm|nm|miles?|mph|mi|yards?|feet|foot|ft|inch(?:es)?|in\b|["”″]|acres?|hectares?|ha|sq\.? ?ft\.?|square (?:feet|met(?:er|re)s|miles)|gb|tb|mb|kb|gib|mib|gbps|mbps|mp|megapixels?|mah|wh|kwh|mwh|kw|mw|gw|watts?|w|volts?|v|amps?|hz|khz|mhz|ghz|lit(?:er|re)s?|l|dl|ml|cl|gallons?|gal|cups?|tablespoons?|tbsp|teaspoons?|tsp|el|tl|pints?|quarts?|cloves?|slices?|servings?|portions?|portionen|pieces?|calories|kcal|cal|kj|°c|°f|° ?celsius|degrees?(?: (?:celsius|fahrenheit))?|mmhg|mg\/dl|mmol\/l|g\/dl|iu\/l|u\/l|ng\/ml|bpm|dpi|px|pixels?|fps|rpm|hp|ps|knots?|points?|votes?|goals?|pages?|people|users?|employees|units?)(?![\w])/g,
  },
  { kind: 'ordinal', pattern: /(?<![\w])(?<n>\d{1,4})(?:st|nd|rd|th)(?![\w])/g },
  { kind: 'year', pattern: /(?<![\w.,:$€£/-])(?<y>(?:1[5-9]|20)\d\d)(?![\w:%€$/]|[.,]\d)/g },
  // 10k downloads
  { kind: 'number', pattern: /(?<![\w.,$€£¥#-])(?<n>\d{1,3}(?:[.,]\d{1,2})?)(?<scale>k)(?![\w-])/g },
  {
    kind: 'number',
    pattern:
      /(?<![\w.,])(?<n>[-−+]?\d[\d.,'’]{0,24}\d|[-−+]?\d)(?:[ ](?<scale>thousand|million|billion|trillion|millionen|milliarden)(?![\w]))?(?!\w)/g,
  },
  {
    kind: 'number',
    pattern:
      /(?<![\w-])(?<n>one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty)(?![\w-])/g,
  },
];

/** All quantities in order, without overlaps: of two readings of a place the earlier rule's is taken. */
export function quantitiesIn(text: string): Quantity[] {
  const small = lowerCase(text);
  const comma = hasDecimalComma(small);
  const taken = new Uint8Array(text.length + 1);
  const found: Quantity[] = [];
  const dayFirst = isDayFirst(small);
  for (const rule of RULES) {
    for (const match of small.matchAll(rule.pattern)) {
      const end = match.index + match[0].length;
      if (taken[match.index] || taken[end - 1]) continue;
      const quantity = quantityOf(rule.kind, match, { comma, dayFirst });
      if (!quantity) continue;
      taken.fill(1, match.index, quantity.end);
      found.push(quantity);
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

interface Habits {
  /** Numbers have a comma before decimals, as on the European continent. */
  readonly comma: boolean;
  /** Numeric dates have the day before the month. */
  readonly dayFirst: boolean;
}

function quantityOf(kind: QuantityKind, match: RegExpExecArray, habits: Habits): Quantity | null {
  const groups: Partial<Record<string, string>> = match.groups ?? {};
  const start = match.index;
  const end = start + match[0].length;
  if (kind === 'date') return dateOf(match[0], groups, start, habits);
  if (kind === 'time' || kind === 'score') return { kind, start, end, value: null, unit: '', iso: null };
  if (kind === 'year') return { kind, start, end, value: Number(groups['y']), unit: '', iso: null };
  const { n = '', scale = '' } = groups;
  const value = NUMBER_WORDS.get(n) ?? numberOf(n, habits.comma);
  if (value === null && kind !== 'duration') return null;
  const factor = SCALES.get(scale.replace('.', '')) ?? 1;
  const unit = groups['unit'] ?? groups['sign'] ?? groups['code'] ?? '';
  return { kind, start, end, value: value === null ? null : value * factor, unit, iso: null };
}

function dateOf(
  text: string,
  groups: Partial<Record<string, string>>,
  start: number,
  habits: Habits,
): Quantity | null {
  const end = start + text.length;
  const date = (iso: string | null): Quantity => ({ kind: 'date', start, end, value: null, unit: '', iso });
  const { y, d, name, a, b } = groups;
  if (name !== undefined && !MONTHS.has(name)) return null;
  if (name !== undefined) {
    // "May 5" is a date; "may 2024" after a pronoun would be rare enough. "mar", "set" and the like need a day.
    if (y === undefined && name.length < 4 && (d === undefined || !SHORT_MONTHS.has(name))) return null;
    return d !== undefined && !isDay(Number(d)) ? null : date(isoOf(y, MONTHS.get(name), d));
  }
  if (a !== undefined && b !== undefined) return numericDate(Number(a), Number(b), y ?? '', habits, date);
  if (groups['m'] === undefined) return date(null);
  const month = Number(groups['m']);
  if (month < 1 || month > 12 || (d !== undefined && !isDay(Number(d)))) return null;
  return date(isoOf(y, month, d));
}

function numericDate(
  a: number,
  b: number,
  year: string,
  habits: Habits,
  date: (iso: string | null) => Quantity,
): Quantity | null {
  const dayFirst = a > 12 || (b <= 12 && habits.dayFirst);
  const [day, month] = dayFirst ? [a, b] : [b, a];
  if (!isDay(day) || month < 1 || month > 12) return null;
  const full = year.length === 2 ? `${Number(year) < 50 ? '20' : '19'}${year}` : year;
  return date(isoOf(full, month, String(day)));
}

function isDay(day: number): boolean {
  return day >= 1 && day <= 31;
}

function isoOf(year: string | undefined, month: number | undefined, day: string | undefined): string | null {
  if (year === undefined || month === undefined || day === undefined) return null;
  return `${year}-${String(month).padStart(2, '0')}-${day.padStart(2, '0')}`;
}

const HABIT_SAMPLE = 20_000;

function countOf(text: string, pattern: RegExp): number {
  let count = 0;
  for (const _ of text.slice(0, HABIT_SAMPLE).matchAll(pattern)) count++;
  return count;
}

function hasDecimalComma(text: string): boolean {
  return countOf(text, /\d,\d{1,2}(?![\d,])/g) > countOf(text, /\d\.\d{1,2}(?![\d.])/g);
}

/** Stops between the numbers, or words of a language that writes the day first, or a first number over 12. */
function isDayFirst(text: string): boolean {
  if (countOf(text, /(?<!\d)(?:1[3-9]|2\d|3[01])[/.-]\d{1,2}[/.-]\d{2,4}(?!\d)/g) > 0) return true;
  if (countOf(text, /(?<!\d)\d{1,2}\/(?:1[3-9]|2\d|3[01])\/\d{2,4}(?!\d)/g) > 0) return false;
  if (countOf(text, /(?<![\d.])\d{1,2}\.\d{1,2}\.\d{2,4}(?![\d.])/g) > 0) return true;
  if (text.includes('€') && !text.includes('$')) return true;
  return (
    countOf(
      text,
      /(?<![\w])(?:der|die|das|und|el|los|las|del|le|les|des|et|il|di|che|fecha|datum|rechnung|factura|facture|fattura|data|£)(?![\w])/g,
    ) >= 3
  );
}

/** The number that is written: with commas, stops, spaces or apostrophes between thousands; null when none is. */
export function numberOf(written: string, decimalComma: boolean): number | null {
  const plain = written.replace(/[ \u00a0'’+]/g, '').replace('−', '-');
  if (!/^-?\d[\d.,/]*$/.test(plain)) return FRACTIONS.get(plain) ?? null;
  const [over, under] = plain.split('/');
  if (under !== undefined)
    return /^\d+$/.test(over ?? '') && /^[1-9]\d*$/.test(under) ? Number(over) / Number(under) : null;
  const value = Number(withPoint(plain, decimalComma));
  return Number.isFinite(value) ? value : null;
}

const FRACTIONS: ReadonlyMap<string, number> = new Map([
  ['½', 0.5],
  ['¼', 0.25],
  ['¾', 0.75],
  ['⅓', 1 / 3],
  ['⅔', 2 / 3],
]);

/** Digits with at most one decimal point. */
function withPoint(number: string, decimalComma: boolean): string {
  const comma = number.lastIndexOf(',');
  const stop = number.lastIndexOf('.');
  if (comma >= 0 && stop >= 0) {
    return comma > stop ? number.replaceAll('.', '').replace(',', '.') : number.replaceAll(',', '');
  }
  const at = Math.max(comma, stop);
  if (at < 0) return number;
  const sign = comma >= 0 ? ',' : '.';
  const isRepeated = number.indexOf(sign) !== at;
  const threeBehind = number.length - at - 1 === 3 && number.charAt(0) !== '0';
  const isGrouping = isRepeated || (threeBehind && (sign === ',' ? !decimalComma || at <= 3 : decimalComma));
  return isGrouping ? number.replaceAll(sign, '') : number.replace(',', '.');
}
