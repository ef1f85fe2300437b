/** How people and their machines are reached: e-mail, telephone, web, network. */
import { digitsOf } from './fold.ts';
import { isDate } from './numbers.ts';
import {
  after,
  before,
  type Check,
  type CuedRule,
  type Match,
  type PatternSpan,
  type Reading,
  type Rule,
  sent,
} from './rule.ts';

const LONGEST_LOCAL = 64;
const LONGEST_DOMAIN = 253;
/** What cannot be in the part of an address before its @. */
const NOT_LOCAL = /[\s@<>()[\]{}",;:\\|=*'?]/;
const EMAIL_DOMAIN =
  /(?:[^\s@<>()[\]{}",;:\\|=*'?/.!#&%$+~^`_]{1,63}\.){1,8}[^\s@<>()[\]{}",;:\\|=*'?/.!#&%$+~^`_0-9-]{2,24}/y;

/** Every e-mail address; letters of any script. */
export function* emails({ folded }: Reading): Generator<PatternSpan> {
  for (let at = folded.indexOf('@'); at >= 0; at = folded.indexOf('@', at + 1)) {
    let start = at;
    const first = Math.max(0, at - LONGEST_LOCAL);
    while (start > first && !NOT_LOCAL.test(folded.charAt(start - 1))) start--;
    while (start < at && /[./&~%!#$^-]/.test(folded.charAt(start))) start++;
    EMAIL_DOMAIN.lastIndex = at + 1;
    const domain = EMAIL_DOMAIN.exec(folded);
    if (!domain || start === at || domain[0].length > LONGEST_DOMAIN) continue;
    yield {
      start: lastSchemeEnd(folded, start, at),
      end: at + 1 + domain[0].length,
      label: 'email',
      score: 0.99,
    };
  }
}

/** "mailto:" ends at a colon already; a path before an address ends at its slash. */
function lastSchemeEnd(folded: string, start: number, at: number): number {
  const slash = folded.lastIndexOf('/', at);
  return slash >= start ? slash + 1 : start;
}

/** Digits of a number with its country's. */
const MOST_DIGITS = 15;
const LEAST_DIGITS = 8;

/** `+` or `00`, a country, groups of digits. */
export function* internationalPhones({ folded }: Reading): Generator<PatternSpan> {
  for (const { index } of folded.matchAll(/(?<![\w+.-])(?:\+ ?|00(?=[1-9]\d?[ .-]|[1-9]\d{8}))(?=[(1-9])/g)) {
    const end = phoneEnd(folded, index);
    const digits = digitsOf(folded.slice(index, end)).replace(/^00/, '');
    if (digits.length < LEAST_DIGITS || digits.length > MOST_DIGITS) continue;
    yield { start: index, end, label: 'phone number', score: 0.95 };
  }
}

const PHONE_GROUP = /[ .\-/]{0,2}\(?\d{1,12}\)?/y;
const EXTENSION =
  / ?(?:,? ?(?:ext|extension|durchwahl|dw|poste|int|interno|ramal|anexo)[. :]{0,2}|[x#])\d{1,6}(?!\w)/y;

function phoneEnd(folded: string, start: number): number {
  let end = start + 1;
  let digits = 0;
  if (folded.charAt(end) === ' ') end++;
  for (let group = 0; group < 8; group++) {
    PHONE_GROUP.lastIndex = end;
    const found = PHONE_GROUP.exec(folded);
    if (!found) break;
    digits += digitsOf(found[0]).length;
    if (digits > MOST_DIGITS + 2) break;
    end = PHONE_GROUP.lastIndex;
  }
  EXTENSION.lastIndex = end;
  if (EXTENSION.test(folded)) return EXTENSION.lastIndex;
  return end;
}

const nationalScore: Check = (match) => {
  const { value } = match;
  const digits = digitsOf(value);
  if (isDate(value) || digits.length < 8 || digits.length > 13 || /(\d)\1{6}/.test(digits)) return 0;
  if (
    /^\d{2}([ ./-])\d{2}\1\d{4}$/.test(value) ||
    /^ ?(?:%|eur|usd|euros?|dollars?|people|km|habit)/.test(after(match, 8))
  )
    return 0;
  return 0.75;
};

const spanishScore: Check = (match) => {
  const next = after(match, 10);
  if (
    /000$/.test(match.value) ||
    /^(?: ?[€$%]| ?[a-z]{2,}| \d)/.test(next.replace(/^ (?:o|or|y|e|and|ou|para|for|ext|bis)\b.*/, ''))
  )
    return 0;
  return /[$€£] ?$/.test(before(match, 2)) ? 0 : 0.65;
};

export const CONTACT_RULES: readonly Rule[] = [
  {
    label: 'email',
    pattern:
      /(?<![a-z0-9._-])[a-z0-9][a-z0-9._-]{1,40} ?[([{] ?(?:at|arroba|chez) ?[)\]}] ?[a-z0-9-]{2,40} ?(?:[([{] ?(?:dot|punkt|punto|ponto|point) ?[)\]}]|\.) ?[a-z]{2,8}(?![a-z0-9])/g,
    score: 0.85,
  },
  // North America: (212) 555-0123, 212-555-0123 x12, 1.212.555.0123, 001-212-555-0123
  {
    label: 'phone number',
    pattern:
      /(?<![\w.+/-]|\d )(?:(?:001|1)[ .-]?)?\([2-9]\d{2}\)[ .-]?\d{3}[ .-]?\d{4}(?: ?(?:x|ext\.?|extension) ?\d{1,6})?(?![\w-])/g,
    score: 0.93,
  },
  {
    label: 'phone number',
    pattern:
      /(?<![\w.+/-]|\d )(?:(?:001|1)[ .-])?[2-9]\d{2}([ .-])\d{3}\1\d{4}(?: ?(?:x|ext\.?|extension) ?\d{1,6})?(?![\w-])/g,
    score: ({ value }) => (value.includes(' ') && !/[.-]/.test(value) ? 0.7 : 0.9),
  },
  // A leading zero: most of Europe.
  {
    label: 'phone number',
    pattern:
      /(?<![\w.,+/-]|\d )\(?0[1-9]\d{0,4}\)?(?: ?[/-] ?| )\d{2,8}(?:[ -]\d{2,8}){0,4}(?![\w]|[.,/]\d)/g,
    score: nationalScore,
  },
  {
    label: 'phone number',
    pattern: /(?<![\w.,+/-])0[1-9]([ .-])\d{2}\1\d{2}\1\d{2}\1\d{2}(?![\w-])/g,
    score: 0.9,
  },
  {
    label: 'phone number',
    pattern: /(?<![\w.,+/-])(?:0[67]\d{8}|07\d{9}|01[567]\d{8,9})(?![\w.-]\w|\w)/g,
    score: 0.6,
  },
  // Spain, Portugal, Italy, Brazil.
  {
    label: 'phone number',
    pattern: /(?<![\w.,+/-]|\d )[6789]\d{2}(?: \d{3} \d{3}| \d{2} \d{2} \d{2}|-\d{3}-\d{3})(?![\w-])/g,
    score: spanishScore,
  },
  {
    label: 'phone number',
    pattern: /(?<![\w.,+/-]|\d )3[2-9]\d[ .-]\d{3}[ .-]?\d{3,4}(?![\w-]|[ .,]\d)/g,
    score: spanishScore,
  },
  {
    label: 'phone number',
    pattern: /(?<![\w.,+/-])\([1-9]\d\) ?9?[ .]?\d{4}[ .-]?\d{4}(?![\w-])/g,
    score: 0.92,
  },
  // Groups of digits anywhere, where a word shortly before says what they are.
  {
    label: 'phone number',
    pattern: /(?<![\w.,+/$€£-]|\d )\(?\d{2,5}\)?(?:[ .-]\d{2,5}){1,4}(?![\w-]|[.,/]\d)/g,
    score: groupedScore,
  },
  {
    label: 'url',
    pattern:
      /(?<![a-z0-9])(?:https?|ftps?|sftp|wss?|ssh|git|file|s3|jdbc:[a-z]{2,12}|mongodb(?:\+srv)?|postgres(?:ql)?|redis|mysql|amqp):\/\/[^\s<>"{}|\\^`[\]]{3,2000}/g,
    score: 0.97,
  },
  {
    label: 'url',
    pattern:
      /(?<![a-z0-9.@/-])www\d?\.[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,5}(?:[/?#:][^\s<>"{}|\\^`[\]]{0,2000})?/g,
    score: 0.96,
  },
  {
    label: 'url',
    pattern:
      /(?<![\w.@/+~-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,5}(?:com|net|org|edu|gov|mil|int|info|biz|io|ai|app|dev|co|xyz|online|shop|store|tech|cloud|site|blog|news|tv|eu|de|fr|es|it|pt|br|uk|ch|at|nl|be|ie|ca|au|nz|us|mx|ar|cl|jp|cn|in|ru|pl|se|no|dk|fi|cz|gr|hu|ro|tr|za|kr|sg|hk|il|ae|lu|li|cat|example|local|test)(?![a-z0-9-]|\.[a-z]|@)(?:[/?#][^\s<>"{}|\\^`[\]]{0,2000}|:\d{2,5}(?:\/[^\s<>"{}|\\^`[\]]{0,2000})?)?/g,
    score: bareDomainScore,
  },
  {
    label: 'ip address',
    pattern:
      /(?<![\w.-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\/(?:3[0-2]|[12]?\d))?(?![\w-]|\.\d)/g,
    score: (match) =>
      /(?:version|ver\.?|release|section|kapitel|abschnitt|chapter|firmware|v) ?(?:[\d.]{1,12} (?:to|and|-) )?$/.test(
        before(match, 24),
      )
        ? 0
        : 0.95,
  },
  {
    label: 'ip address',
    pattern:
      /(?<![\w:.])[0-9a-f:]{2,39}(?:\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})?(?:%[a-z0-9]{1,8})?(?:\/\d{1,3})?(?![\w:])/g,
    score: ipv6Score,
  },
  {
    label: 'mac address',
    pattern:
      /(?<![\w:.-])(?:[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})(?![\w:-]|\.\w)/g,
    score: 0.95,
  },
  {
    label: 'username',
    pattern: /(?<![\w@./+-])@[a-z_](?:[a-z0-9_]|[.-](?=[a-z0-9_])){1,38}(?![\w@(/]|\.\w)/g,
    score: handleScore,
  },
];

/** Words behind an @ in programs and documents. */
const ANNOTATIONS =
  /^@(?:override|deprecated|param|params|return|returns|throws|author|since|see|link|type|types|test|property|staticmethod|classmethod|media|import|include|keyframes|font-face|charset|supports|page|layer|container|apply|tailwind|component|injectable|input|output|autowired|bean|entity|table|column|id|service|controller|restcontroller|repository|getmapping|postmapping|requestmapping|before|after|beforeeach|aftereach|suppresswarnings|nullable|nonnull|notnull|dataclass|app|pytest|abstractmethod|cached|lru_cache|wraps|api|example|default|private|public|internal|todo|interface|end|implementation|selector|synthesize|latest|next|everyone|here|channel|all)$/;

function handleScore(match: Match): number {
  return ANNOTATIONS.test(match.value) ? 0 : 0.7;
}

/** Endings that are also words or file endings: a domain only where a path or www says so, or the name has parts. */
const UNSURE_ENDING =
  /\.(?:in|it|no|at|be|us|co|int|test|local|example|info|news|es|de|ca|se|dev|app|io|ai)$/;

function bareDomainScore(match: Match): number {
  const { value } = match;
  const host = value.replace(/[/?#:].*$/, '');
  if (/^[\d.]+$/.test(host) || !/[a-z]/.test(host)) return 0;
  const written = sent(match).slice(0, host.length);
  const ending = written.slice(written.lastIndexOf('.') + 1);
  const name = written.slice(0, written.indexOf('.'));
  // "the end.It was": a full stop without its space.
  if (/^[A-Z][a-z]/.test(ending)) return 0;
  if (value.length > host.length) return 0.92;
  if (name.length < 2) return 0;
  const isSure = !UNSURE_ENDING.test(host);
  if (isSure) return /\.(?:com|net|org|edu|gov)$/.test(host) || host.split('.').length > 2 ? 0.9 : 0.8;
  return /^ [a-z]/.test(after(match, 2)) &&
    /\.(?:it|in|no|at|be|us|es|de|se)$/.test(host) &&
    !/[\d-]/.test(host) &&
    host.split('.').length === 2
    ? itaDomainScore(match, host)
    : 0.7;
}

/** "visita amazon.it oggi" is a domain, "the market.it was" a slip: what stands before decides. */
function itaDomainScore(match: Match, host: string): number {
  const isNamed =
    /(?:site|sito|sitio|web|www|visit[ae]?z?|auf|unter|sur|su|en|on|via|at|siehe|voir|ver|vedi|domain|http)[ :]{1,3}$/.test(
      before(match, 14),
    );
  return isNamed || /\.(?:de|es|at|be|no|se)$/.test(host) ? 0.6 : 0;
}

function ipv6Score(match: Match): number {
  const value = match.value.replace(/[%/].*$/, '');
  const isShort = value.includes('::');
  if (value.indexOf('::') !== value.lastIndexOf('::') || value.includes(':::')) return 0;
  if (/[^:]:$|^:[^:]/.test(value)) return 0;
  const groups = value.split(':').filter((group) => group !== '');
  if (groups.some((group) => group.length > 4 && !group.includes('.'))) return 0;
  const size = groups.length + (value.includes('.') ? 1 : 0);
  if (isShort) return size >= 1 && size <= 7 && (size >= 2 || value === '::1') && /\d/.test(value) ? 0.92 : 0;
  return size === 8 ? 0.95 : 0;
}

function groupedScore(match: Match): number {
  const { value } = match;
  const count = digitsOf(value).length;
  if (count < 7 || count > 13 || isDate(value) || /^\d{3}-\d{2}-\d{4}$/.test(value)) return 0;
  const named =
    /(?:phone|call|tele?fo|\btel\b|mobile|\bcell|\bfax\b|dial|\bring\b|\btext\b|reach|contact|(?:my|his|her|our|the|new) number|handy|numero|nummer)/;
  return named.test(before(match, 50)) ? 0.72 : 0;
}

const phoneNamed: Check = (match) => {
  const digits = digitsOf(match.value);
  if (isDate(match.value) || /^\d{3}-\d{3}$/.test(match.value) || digits.length < 6 || digits.length > 17)
    return 0;
  if (/^ ?(?:%|eur|usd|euros?|dollars?|million|people)/.test(after(match, 9))) return 0;
  return 0.9;
};

export const CUED_CONTACTS: readonly CuedRule[] = [
  {
    label: 'phone number',
    cue: /(?<![a-z])(?:phones?|tele?phones?|tel(?:\.|:|(?= ?[+\d(]))|tlf|tfno|mobiles?|mob(?=[.:])|cell(?:ular|phone)?|fax|whatsapp|(?:call|text|reach|ring|contact)(?: (?:me|us|him|her|them|back))?(?: (?:at|on|under))?|contact number|telefon(?:nummer|nr)?|handy(?:nummer|nr)?|mobil(?:nummer|funk)?|ruf ?nummer|durchwahl|anrufen unter|erreichbar unter|zu erreichen unter|festnetz|portable|appele[zr](?:-moi|-nous)? au|joignable au|telefonos?|movil|celular|llam[ae]r?(?:me|nos|nos)? al|telefoni|cellulare|chiam[ai](?:mi|teci|re)?(?: al)?|recapito|telefones?|telemovel|lig(?:ar|ue)(?: para)?(?: o)?|contacto|contato|zap)(?![a-z])/g,
    value:
      /(?:\+|00)? ?\(?\d(?:[ ./()-]{0,2}\d){5,16}(?: ?(?:x|ext\.?|poste|interno|ramal) ?\d{1,6})?(?![\w]|[.,]\d)/y,
    score: phoneNamed,
    filler:
      /(?:[ ]{0,2}(?:(?:number|no|nr|numero|is|are|at|on|ist|lautet|es|est|e|unter|sous|au|al|ao|le|la|il|el|o|the|me|us|privat|home|work|office|mobil|mobile|cell|para|de|der|die|my|mio|mon|mi|meu|oder|or|ou|und|to)(?![a-z0-9])|[:#=.°º"'([\]{|,;*_-])|:\r?\n){0,8} {0,3}/y,
  },
  {
    label: 'username',
    cue: /(?<![a-z])(?:user(?=["']? ?[:=])|user ?names?|user_name|user[ _-]?ids?|login(?:[ _-]?name)?|log-in|benutzer(?:name|kennung)?|anmeldename|nom d'utilisateur|identifiant|pseudo(?:nyme)?|nombre de usuario|usuario|nome utente|utente|nome de (?:usuario|utilizador)|utilizador|nickname|nick|screen ?name|handle|discord|skype|telegram|instagram|twitter|github|username)(?![a-z0-9])/g,
    value: /@?[a-z0-9_](?:[a-z0-9_]|[.+-](?=[a-z0-9_])){1,38}(?![\w@]|\.\w)/y,
    filler:
      /[ ]{0,2}(?:(?:is|ist|lautet|es|est|e|name|handle|id)(?![a-z0-9])[ ]{0,2})?(?:["']?[ ]{0,2}(?:[:=]|->)[ ]{0,2}|[ ])["'`(<[]{0,2}/y,
    score: userNamed,
  },
];

/** After "user:" anything, after "user is" only what does not look like an ordinary word. */
function userNamed(match: Match): number {
  const { value } = match;
  if (
    /^(?:the|and|or|is|was|has|not|must|will|can|may|name|names|required|null|none|true|false|undefined|string|failed|from|to|in|on|at|of|for|with|der|die|das|und|le|la|les|el|los|il|un|una|ein|eine|page|button|form|screen|id|error|agent|account|accounts|data|experience|interface|input|manual|guide|group|groups|details|information|successful|attempt|attempts|password|email)$/.test(
      value,
    )
  )
    return 0;
  const gap = before(match, 5);
  if (/[:=]["' ]{0,3}$/.test(gap) || /["'`] ?$/.test(gap)) return 0.85;
  return /[\d_]|[a-z]\.[a-z]/.test(value) && /[a-z]/.test(value) ? 0.75 : 0;
}
