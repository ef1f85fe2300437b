/** Birth, age, gender, places by coordinates: told by the words around them. */
import { after, before, type CuedRule, type Match, type Rule } from './rule.ts';

/** A date as written anywhere in six languages. */
const DATE =
  /(?:(?:mon|tues?|wednes|thurs|fri|satur|sun)day,? )?(?:\d{1,2} ?[./-] ?\d{1,2} ?[./-] ?(?:\d{4}|\d{2})|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}(?:st|nd|rd|th|er|\.|º)?(?: of| de| do)?[ -](?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|ene|abr|ago|dic|fev|avr|aou|gen|mag|giu|lug|set|ott|out|mae|janv|fevr|juin|juil)[a-z]{0,7}\.?(?:[ -]|, | de | del | do )(?:\d{4}|'?\d{2})|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,7}\.? \d{1,2}(?:st|nd|rd|th)?,? (?:\d{4}|'\d{2}))(?![\w]|[./-]\d)/y;

const BIRTH_FILLER =
  /(?:[ ]{0,2}(?:(?:on|in|the|is|was|am|a|ist|lautet|le|el|il|the|em|no|dia|es|est|e|nel|date|datum)(?![a-z0-9])|[:#=.("'[\],|-])|:\r?\n){0,8} {0,3}/y;

export const CUED_PERSONAL: readonly CuedRule[] = [
  {
    label: 'date of birth',
    cue: /(?<![a-z])(?:born|birth ?(?:date|day)s?|date of birth|d\.?o\.?b\.?|geboren(?: am)?|geb\.|geb(?= am)|geburtstag|geburtsdatum|nee? le|ne\(e\) le|date de naissance|naissance|fecha de nacimiento|f\. ?nac\.?|nacid[oa](?: el)?|nacio el|naci el|cumpleanos|data di nascita|nat[oa] il|nat[oa] a [a-z]{2,20} il|compleanno|data de nascimento|nascid[oa] (?:em|a|no dia)|nasci em|nasceu em|aniversario|birth_?date|date_of_birth|data_nascita|fecha_nacimiento)(?![a-z])/g,
    value: DATE,
    filler: BIRTH_FILLER,
    score: 0.95,
  },
  {
    label: 'date of birth',
    cue: /(?<![a-z])(?:born|geboren|nee?|nacid[oa]|nacio|nat[oa]|nascid[oa]) (?:in|a|en|em|zu) [^\d\n.;]{2,40}?(?=\d| on | am | le | el | il | em )/g,
    value: DATE,
    filler: BIRTH_FILLER,
    score: 0.85,
  },
  {
    label: 'age',
    cue: /(?<![a-z])(?:age|aged|alter|edad|eta|idade|agee?(?= de))(?![a-z])/g,
    value:
      /(?:1[01]\d|[1-9]?\d)(?![\w]|[.,/:-]\d| ?%)(?: (?:years?|jahre?|ans|anos|anni|yrs?|months?)(?: old)?(?![a-z]))?/y,
    filler: /(?: {0,2}(?:of|is|ist|de|di|es|e|est|:|=|")){0,4} {0,2}/y,
    score: 0.85,
  },
  {
    label: 'gender',
    cue: /(?<![a-z])(?:gender(?: identity)?|sex|geschlecht|sexe|genre|sexo|genero|sesso|genere)(?![a-z])/g,
    value:
      /(?:male|female|man|woman|non-?binary|transgender|trans|other|divers|mannlich|weiblich|mann|frau|homme|femme|masculin|feminin|hombre|mujer|masculino|femenino|maschio|femmina|maschile|femminile|uomo|donna|homem|mulher|feminino|m|f|w|d|x)(?![a-z])/y,
    filler: / {0,2}["']?(?: {0,2}[:=|]| is| ist| es| est| e)["']? {0,2}["']?/y,
    score: 0.92,
  },
  {
    label: 'coordinates',
    cue: /(?<![a-z])(?:lat(?:itude)?|lng|lon(?:g(?:itude)?)?|latitud|longitud|latitudine|longitudine|breitengrad|langengrad)(?![a-z])/g,
    value: /-?\d{1,3}[.]\d{2,12}(?: ?°)?(?![\w])/y,
    score: 0.9,
  },
];

/** "34 years" that somebody has, and not that something took. */
function ageScore(match: Match): number {
  const past = before(match, 24);
  const next = after(match, 24);
  const took =
    /(?:il y a|depuis|pendant|durant|dans|en|apres|pour|plus de|hace|desde|durante|por|tras|hasta|mas de|ha|da|per|fra|tra|dopo|oltre|fa|circa|ha|durante|apos|em|seit|vor|nach|fur|uber|for|in|after|over|last|next|past|every|within|than) (?:the |last |les |los |ultimos |gli |os )?$/;
  if (took.test(past)) return 0;
  if (
    /^ ?(?:d'experience|de experiencia|de carriere|de prison|di esperienza|di carriera|di carcere|plus tard|apres|despues|atras|mas tarde|fa\b|ago|dopo|depois|de prision|de carcel|de garantia|de garantie|di garanzia)/.test(
      next,
    )
  )
    return 0;
  return 0.8;
}

export const PERSONAL_RULES: readonly Rule[] = [
  {
    label: 'gender',
    pattern:
      /(?<=(?:years?[ -]old|yo|y\/o|yr old|jahrige[rs]?|i'm|i am) |, )(?:male|female|non-binary|transgender)(?! (?:lead|voice|singer))(?![a-z])/g,
    score: 0.75,
  },
  {
    label: 'age',
    pattern: /(?<=[a-z], |\()(?:1[01]\d|[1-9]\d) (?:ans|anos|anni|jahre)(?=[,.)])/g,
    score: 0.75,
  },
  {
    label: 'age',
    pattern:
      /(?<![\w.,$€£-])(?:1[01]\d|[1-9]?\d)(?:[ -](?:year|yr|month|week|day)s?[ -]old| ?y\/?o| ?yrs? old)(?![a-z])/g,
    score: 0.95,
  },
  {
    label: 'age',
    pattern:
      /(?<=(?:^|[^a-z])(?:i am|i'm|im|he is|she is|he's|she's|who is|is now|just turned|turned|turning|be|am)(?: now| only| just)? )(?:1[01]\d|[1-9]\d)(?: years)?(?! ?(?:[%a-z:$€]|[.,:/]\d|\d|[.] ?(?:jan|feb|mar|apr|mai|jun|jul|aug|sep|okt|nov|dez)))/g,
    score: 0.7,
  },
  {
    label: 'age',
    pattern:
      /(?<=(?:i am|i'm|he is|she is|he's|she's|turned|aged) )(?:1[01]\d|[1-9]\d)(?= (?:and|but|with|in|on|from|today|this|last|next)(?![a-z]))(?! in(?![a-z]))/g,
    score: 0.7,
  },
  {
    label: 'age',
    pattern:
      /(?<![\w.,-])(?:1[01]\d|[1-9]?\d)(?: jahre (?:alt|jung)|-jahrige[rnms]?|jahrige[rnms]?| jahrige[rnms]?)(?![a-z])/g,
    score: 0.93,
  },
  {
    label: 'age',
    pattern:
      /(?<=(?:age(?:e|s|es)? de|ai|as|a|avons|avait|aura|fete ses|j'ai|de) )(?:1[01]\d|[1-9]\d) ans(?![a-z])/g,
    score: ageScore,
  },
  {
    label: 'age',
    pattern:
      /(?<=(?:tengo|tiene|tenia|cumple|cumplio|cumplir|edad de|tienes|de unos|de) )(?:1[01]\d|[1-9]\d) anos(?: de edad)?(?![a-z])/g,
    score: ageScore,
  },
  {
    label: 'age',
    pattern:
      /(?<=(?:tenho|tem|tinha|completa|completou|fez|faz|idade de|aos|com|de) )(?:1[01]\d|[1-9]\d) anos(?: de idade)?(?![a-z])/g,
    score: ageScore,
  },
  {
    label: 'age',
    pattern:
      /(?<=(?:ho|ha|hai|aveva|compie|compiuto|eta di|di|a) )(?:1[01]\d|[1-9]\d) anni(?: di eta)?(?![a-z])/g,
    score: ageScore,
  },
  {
    label: 'coordinates',
    pattern:
      /(?<![\w.-])[-+]?(?:90(?:\.0+)?|[1-8]?\d\.\d{3,10})°? ?[ns]?, ?[-+]?(?:180(?:\.0+)?|(?:1[0-7]\d|[1-9]?\d)\.\d{3,10})°? ?[eowl]?(?![\w.]\d|\d)/g,
    score: 0.85,
  },
  {
    label: 'coordinates',
    pattern:
      /(?<![\w.])\d{1,2}(?:\.\d{1,8})? ?° ?(?:\d{1,2}(?:\.\d{1,6})? ?['′] ?(?:\d{1,2}(?:[.,]\d{1,4})? ?(?:''|["″]))?)? ?[ns],? {0,2}\d{1,3}(?:\.\d{1,8})? ?° ?(?:\d{1,2}(?:\.\d{1,6})? ?['′] ?(?:\d{1,2}(?:[.,]\d{1,4})? ?(?:''|["″]))?)? ?[eowl](?![a-z])/g,
    score: 0.95,
  },
];
