/** Numbers of cards, accounts, taxes, states: by their form and checksum, or by the words before them. */
import {
  ibanLength,
  isAba,
  isCif,
  isCnpj,
  isCodiceFiscale,
  isCpf,
  isDni,
  isIban,
  isLuhn,
  isNhs,
  isNif,
  isNino,
  isNir,
  isOneDigit,
  isSsn,
  isSteuerId,
  isVat,
  isVin,
} from './checksums.ts';
import { codeOf, digitsOf } from './fold.ts';
import { after, before, type Check, type CuedRule, type Match, type Rule, sent } from './rule.ts';

const CARD_WORDS =
  /card|visa|mastercard|amex|american express|discover|maestro|diners|jcb|credit|debit|karte|carte|tarjeta|carta|cartao|cartão|kredit|cc|pan\b|payment|paid|pay|pago|paiement|zahl/;

/** First digits of the card networks, by length. */
const CARD_FORMS =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-59]|[689]\d)\d{11}|3[689]\d{14}|6(?:011|4[4-9]\d|5\d\d|2\d\d|282|29\d)\d{12,15}|(?:2131|1800)\d{11}|35\d{14}|(?:5[06789]|6\d)\d{10,17}|9792\d{12})$/;

const cardScore: Check = (match) => {
  const digits = digitsOf(match.value);
  if (digits.length < 12 || digits.length > 19) return 0;
  const isNamed = CARD_WORDS.test(before(match, 48));
  if (isLuhn(digits)) {
    if (CARD_FORMS.test(digits)) return isNamed || digits.length > 13 ? 0.98 : 0.7;
    return isNamed ? 0.85 : 0;
  }
  // A card with a wrong digit is still somebody's.
  return isNamed && /^\d{4}([ -])\d{4}\1\d{4}\1\d{4}$/.test(match.value) && !isOneDigit(digits) ? 0.7 : 0;
};

const ibanScore: Check = (match) => {
  const code = codeOf(match.value);
  if (isIban(code)) return 0.99;
  const named = /iban|konto|account|compte|cuenta|conto|conta/.test(before(match, 40));
  return named && ibanLength(code.slice(0, 2)) === code.length ? 0.75 : 0;
};

const ssnScore: Check = (match) => {
  const digits = digitsOf(match.value);
  const named = /ssn|social|soc\.? ?sec/.test(before(match, 40));
  if (named) return 0.97;
  if (/^9\d\d[ -][5-9]\d/.test(match.value)) return 0;
  return isSsn(digits) ? (match.value.includes('-') ? 0.88 : 0.55) : 0;
};

/** A number that has separators, or is named by words before it. */
function checked(isValid: (code: string) => boolean, alone: number, words: RegExp, named = 0.95): Check {
  return (match) => {
    if (!isValid(codeOf(match.value))) return 0;
    return words.test(before(match, 48)) ? named : alone;
  };
}

const vatScore: Check = (match) => {
  const code = codeOf(match.value);
  if (!isVat(code) || !/^[A-Z]{2}/.test(sent(match))) return 0;
  const named = /vat|ust|mwst|tva|iva|btw|nif|cif|umsatzsteuer|partita|tax|steuer/.test(before(match, 48));
  return named ? 0.97 : /^(?:de|es|fr|it|pt|be)/.test(code) && code.length > 10 ? 0.6 : 0;
};

const plateScore: Check = (match) => (/\d/.test(match.value) ? 0.85 : 0);

const vinScore: Check = (match) => {
  const code = codeOf(match.value);
  if (!/\d/.test(code) || !/[a-z]/.test(code) || !/\d{2}$/.test(code)) return 0;
  if (/\b(?:vin|chassis|fahrgestell|fin|bastidor|telaio|vehicle|fahrzeug|chassi)\b/.test(before(match, 48)))
    return 0.95;
  return isVin(code) && sent(match) === sent(match).replace(/[a-z]/g, '') ? 0.8 : 0;
};

export const NUMBER_RULES: readonly Rule[] = [
  {
    label: 'credit card number',
    pattern: /(?<![\w.+-]|\d[ ,])\d(?:[ -]?\d){11,18}(?![\w-]|[ .,]\d)/g,
    score: cardScore,
  },
  {
    label: 'credit card number',
    pattern: /(?<![\w.+-])\d{4}([ .-])\d{4}\1\d{4}\1\d{4}(?!\d)/g,
    score: cardScore,
  },
  {
    label: 'iban',
    pattern: /(?<![a-z0-9])[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?(?![a-z0-9])/g,
    score: ibanScore,
  },
  {
    label: 'iban',
    pattern: /(?<![a-z0-9])[a-z]{2} ?\d{2}(?:[ -]?\d{2,5}){3,8}(?![a-z0-9])/g,
    score: ibanScore,
  },
  {
    label: 'social security number',
    pattern: /(?<![\w.-])\d{3}([ -])\d{2}\1\d{4}(?![\w-])/g,
    score: ssnScore,
  },
  {
    label: 'social security number',
    pattern: /(?<![\w.])[1-478] ?\d{2} ?\d{2} ?(?:\d{2}|2[ab]) ?\d{3} ?\d{3} ?\/?-? ?\d{2}(?!\w)/g,
    score: checked(isNir, 0.85, /secu|nir|sociale|vitale|insee/),
  },
  {
    label: 'social security number',
    pattern: /(?<![a-z0-9])[a-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[a-d](?![a-z0-9])/g,
    score: checked(isNino, 0.75, /national insurance|\bni\b|nino/),
  },
  {
    label: 'social security number',
    pattern:
      /(?<![a-z0-9])\d{2} ?(?:0[1-9]|[12]\d|3[01]) ?(?:0[1-9]|1[0-2]) ?\d{2} ?[a-z] ?\d{3}(?![a-z0-9])/g,
    score: (match) => (/sozialvers|rentenvers|sv-?n/.test(before(match, 48)) ? 0.95 : 0),
  },
  {
    label: 'national id number',
    pattern: /(?<![a-z0-9.])(?:\d{2}[. ]?\d{3}[. ]?\d{3}|[xyz][ -]?\d{7}) ?-? ?[a-z](?![a-z0-9])/g,
    score: (match) =>
      /nif[^a-z]{0,4}$/.test(before(match, 10)) ? 0.7 : checked(isDni, 0.9, /dni|nie|identi/)(match),
  },
  {
    label: 'tax id',
    pattern:
      /(?<![a-z0-9])[a-z]{3} ?[a-z]{3} ?[0-9lmnp-v]{2}[abcdehlmprst][0-9lmnp-v]{2} ?[a-z][0-9lmnp-v]{3} ?[a-z](?![a-z0-9])/g,
    score: checked(isCodiceFiscale, 0.97, /codice|fiscale|c\.?f/),
  },
  {
    label: 'tax id',
    pattern: /(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])/g,
    score: checked(isCpf, 0.97, /cpf/),
  },
  {
    label: 'tax id',
    pattern: /(?<![\w.-])\d{2}\.\d{3}\.\d{3}\/\d{4}-\d{2}(?![\w-])/g,
    score: checked(isCnpj, 0.97, /cnpj/),
  },
  {
    label: 'tax id',
    pattern: /(?<![\w.-])9\d{2}-(?:[5-8]\d|9[0-24-9])-\d{4}(?![\w-])/g,
    score: checked(() => true, 0.6, /itin|tax/),
  },
  {
    label: 'vat number',
    pattern:
      /(?<![a-z0-9])(?:at ?u|be|bg|che|cy|cz|de|dk|ee|el|es|fi|fr|gb|hr|hu|ie|it|lt|lu|lv|mt|nl|pl|pt|ro|se|si|sk)[ .-]?[a-z0-9]{1,4}(?:[ .-]?[a-z0-9]{1,4}){1,4}(?![a-z0-9])/g,
    score: vatScore,
  },
  {
    label: 'vehicle identification number',
    pattern: /(?<![a-z0-9])[a-hj-npr-z0-9]{17}(?![a-z0-9])/g,
    score: vinScore,
  },
];

/** Letters and digits, with single separators. */
const CODE = /[a-z0-9](?:[a-z0-9]|[-./_](?=[a-z0-9])){3,29}(?![a-z0-9])/y;
const SHORT_CODE = /[a-z0-9](?:[a-z0-9]|[-./_](?=[a-z0-9])){1,29}(?![a-z0-9])/y;
const DIGITS = /\d(?:[ ./-]?\d){4,19}(?![a-z0-9])/y;

/** At least so many digits. */
function digits(least: number, score = 0.9, most = 40): Check {
  return ({ value }) => {
    const count = digitsOf(value).length;
    return count >= least && count <= most && !isDate(value) ? score : 0;
  };
}

/** 12/05/2021, 2021-05-12, 2001-2005: dates and spans of years, which stand where numbers do. */
export function isDate(value: string): boolean {
  return /^(?:\d{1,2}[./ -]\d{1,2}[./ -](?:19|20)?\d{2}|(?:19|20)\d{2}[./ -]\d{1,2}[./ -]\d{1,2}|(?:1[5-9]|20)\d{2} ?[-/] ?(?:1[5-9]|20)\d{2}|(?:19|20)\d{2})$/.test(
    value,
  );
}

export const CUED_NUMBERS: readonly CuedRule[] = [
  {
    label: 'cvv',
    cue: /(?<![a-z])(?:cvv2?|cvc2?|cvn|csc|card verification (?:value|code)|security code|sicherheitscode|prufziffer|prufnummer|kartenprufnummer|code de securite|cryptogramme(?: visuel)?|codigo de seguridad|codigo de seguranca|codice di sicurezza)(?![a-z])/g,
    value: /\d{3,4}(?![\w/.-]\w|\w)/y,
    score: 0.95,
  },
  {
    label: 'social security number',
    cue: /(?<![a-z])(?:ssn|s\.s\.n|social security(?: number| no)?|soc sec|national insurance|nino|sozialversicherungs?-?(?:nummer|nr)?|rentenversicherungs-?(?:nummer|nr)|numero de securite sociale|n° de securite sociale|securite sociale|numero de (?:la )?seguridad social|seguridad social|nss|numero de seguranca social|seguranca social|niss|previdenza sociale)(?![a-z])/g,
    value:
      /\d(?:[ ./-]?\d){6,14}(?:[ -]?[a-z](?:[ -]?\d){3})?(?![a-z0-9])|[a-z]{2} ?\d(?:[ -]?\d){5} ?[a-d](?![a-z0-9])/y,
    score: digits(6, 0.95, 16),
  },
  {
    label: 'routing number',
    cue: /(?<![a-z])(?:routing(?: transit)?(?: number| no)?|aba(?: number| no)?|rtn|sort code|bankleitzahl|blz|bsb|code banque|code guichet)(?![a-z])/g,
    value: /\d(?:[ -]?\d){4,8}(?![\w-])/y,
    score: ({ value }) => (isAba(digitsOf(value)) ? 0.98 : 0.9),
  },
  {
    label: 'bank account number',
    cue: /(?<![a-z])(?:(?:bank |checking |savings |current )?(?:account|acct|a\/c)(?: number| no| nr| #|#|\.)|(?:bank|checking|savings) account|kontonummer|konto-?nr|kto\.?-?(?:nr)?|bankkonto|(?:numero|n°|nro|num\.?) de (?:compte|cuenta|conta)|compte bancaire|cuenta bancaria|cuenta corriente|ccc|numero di conto|conto corrente|conta corrente|conta bancaria|conta poupanca|nib)(?![a-z])/g,
    value: DIGITS,
    score: digits(5),
  },
  {
    label: 'swift code',
    cue: /(?<![a-z])(?:swift(?:[ /-]bic)?|bic(?:[ /-]swift)?)(?:[ -]?code|-kod)?(?![a-z])/g,
    value: /[a-z]{4} ?[a-z]{2} ?[a-z0-9]{2}(?: ?[a-z0-9]{3})?(?![a-z0-9])/y,
    score: (match) => (/^[A-Z0-9 ]+$/.test(sent(match)) || /\d/.test(match.value) ? 0.95 : 0),
  },
  {
    label: 'passport number',
    cue: /(?<![a-z])(?:passports?|reisepass(?:es)?|pass-?(?:nr|nummer)|passe?port|pasaportes?|passaport[oe])(?![a-z])/g,
    value: CODE,
    score: identity(6, 12),
  },
  {
    label: 'driver license number',
    cue: /(?<![a-z])(?:(?:driver'?s?'?|driving|drivers)[ -]?licen[cs]e|dl(?= ?(?:no|number|#|:))|licen[cs]e(?= (?:no|number|#))|fuhrerschein(?:-?nummer|-?nr)?|permis(?: de conduire)?(?= ?(?:n|:|no|num))|permis de conduire|(?:carnet|permiso|licencia) de con(?:ducir|duccion|duzir)|patente(?: di guida)?(?= ?(?:n|:|nr|num))|patente di guida|carta de conducao|cnh|carteira de (?:motorista|habilitacao))(?![a-z])/g,
    value: /[a-z0-9](?:[a-z0-9]|[-./ ](?=[a-z0-9]{0,8}\d)){3,20}(?![a-z0-9])/y,
    score: identity(4, 20),
  },
  {
    label: 'national id number',
    cue: /(?<![a-z])(?:national id(?:entity)?(?: card| number)?|identity card|id card|id[ -](?:number|no|nr)|personalausweis(?:-?(?:nummer|nr))?|ausweis-?(?:nummer|nr)|carte (?:nationale )?d'identite|cni|dni|d\.n\.i|nie|documento (?:nacional )?de identidad|cedula(?: de (?:identidad|ciudadania))?|carta d'identita|carta di identita|cartao de cidadao|bilhete de identidade|curp|rg)(?![a-z])/g,
    value: /[a-z0-9](?:[a-z0-9]|[-. ](?=[a-z0-9]{0,6}\d)|[-. ](?=[a-z](?![a-z0-9]))){4,20}(?![a-z0-9])/y,
    score: identity(5, 20, 0.85),
  },
  {
    label: 'tax id',
    cue: /(?<![a-z])(?:tax(?:payer)?[ -]?(?:id|identification|reference|file)(?: number| no)?|tin|ein|itin|utr|tfn|employer identification|steuer-?(?:id|identifikations-?nummer|nummer|nr)|steuerliche identifikationsnummer|st\.-?nr|idnr|numero fiscal(?:e de reference)?|numero d'identification fiscale|(?:siret|siren)|nif|n\.i\.f|cif|rfc|codice fiscale|cod\. ?fisc|numero de contribuinte|contribuinte|cpf(?:\/mf)?|cnpj|identificacion fiscal|identificacao fiscal)(?![a-z])/g,
    value: /[a-z0-9](?:[a-z0-9]|[-./ ](?=[a-z0-9]{0,5}\d)){5,21}(?![a-z0-9])/y,
    score: taxScore,
  },
  {
    label: 'vat number',
    cue: /(?<![a-z])(?:vat(?: reg(?:istration)?)?|ust\.?-? ?id(?:-?nr)?\.?|ustid|umsatzsteuer-?(?:id|identifikationsnummer)|mwst\.?-?nr|tva(?: intracommunautaire| intra)?|iva intracomunitario|partita iva|p\. ?iva|p\.i\.|btw)(?![a-z])/g,
    value: /[a-z]{0,3} ?[a-z0-9]{0,3}\d(?:[ .-]?[a-z0-9]){6,14}(?![a-z0-9])/y,
    score: digits(7, 0.9, 15),
  },
  {
    label: 'license plate number',
    cue: /(?<![a-z])(?:licen[cs]e plates?|number plates?|plate(?: number| no|:)|plates?(?= (?:is|no|#|:|[a-z]{1,3}[ -]?\d))|registration plate|vehicle reg(?:istration)?|car reg(?:istration)?|kfz-?kennzeichen|kennzeichen|nummernschild|plaque(?: d'immatriculation)?|immatriculation|immatricule|matricula|placas?(?: do (?:carro|veiculo))?|targa(?:ta)?|targato)(?![a-z])/g,
    value: /[a-z0-9]{1,3}(?:[a-z0-9]{0,5}|[ -][a-z0-9]{1,4}){1,3}(?![a-z0-9])/y,
    score: plateNamed,
  },
  {
    label: 'medical record number',
    cue: /(?<![a-z])(?:mrn|medical record|health record|chart(?= (?:no|number|#))|patient(?:en)?[ -]?(?:id|number|no|nr|nummer|record|#|-nr)|krankenakten?-?(?:nummer|nr)?|fallnummer|aktenzeichen|dossier (?:medical|patient)|numero de dossier|ipp|historia clinica|nhc|expediente medico|cartella clinica|prontuario(?: medico)?|processo clinico)(?![a-z])/g,
    value: SHORT_CODE,
    score: identity(4, 24, 0.9),
  },
  {
    label: 'health insurance number',
    cue: /(?<![a-z])(?:health (?:insurance|plan|card)(?: (?:id|number|no|policy|card))*|insurance (?:policy|id|member|card)(?: (?:id|number|no))*|insurance(?= (?:number|no|#))|member (?:id|number|no)|medicare(?: (?:id|number|no|beneficiary identifier))*|medicaid(?: (?:id|number|no))*|nhs(?: (?:number|no))*|policy (?:number|no|id)|kranken(?:versicherungs?|versicherten|kassen)-?(?:nummer|nr|karte)?|versicherten-?(?:nummer|nr)|versicherungs-?(?:nummer|nr)|kvnr|numero d'assur(?:e|ance)(?: maladie)?|mutuelle|adherent|carte vitale|tarjeta sanitaria|numero de afiliad[oa]|seguro medico|poliza|tessera sanitaria|cartao (?:de saude|nacional de saude|do sus)|cns|numero de utente|sns|plano de saude|convenio)(?![a-z])/g,
    value: /[a-z]{0,5}[ -]?\d(?:[ ./-]?[a-z0-9]){3,23}(?![a-z0-9])/y,
    score: digits(5, 0.9, 22),
  },
  {
    label: 'health insurance number',
    cue: /(?<![a-z])nhs(?![a-z])/g,
    value: /\d{3}[ -]?\d{3}[ -]?\d{4}(?!\w)/y,
    score: ({ value }) => (isNhs(digitsOf(value)) ? 0.97 : 0.8),
  },
  {
    label: 'vehicle identification number',
    cue: /(?<![a-z])(?:vin|chassis|fahrgestell-?(?:nummer|nr)|fahrzeug-?identifizierungsnummer|fin|numero de chassis|numero de serie du vehicule|bastidor|telaio|chassi)(?![a-z])/g,
    value: /[a-hj-npr-z0-9]{17}(?![a-z0-9])/y,
    score: digits(3, 0.97),
  },
  {
    label: 'order number',
    cue: /(?<![a-z])(?:(?:purchase )?orders?(?= ?(?:#|no|nr|number|id|ref|:|n°))|(?<!executive )order(?= [a-z]{0,4}-?\d{4})|po(?= ?(?:#|number|no\b))|tracking(?= ?(?:#|number|no|id|:))|booking(?= ?(?:#|number|ref|no|id|:))|confirmation(?= ?(?:#|number|code|no|:))|bestell-?(?:nummer|nr)|bestellung|auftrags-?(?:nummer|nr)|auftrag|sendungsnummer|buchungsnummer|(?:numero|n°|no|num\.?|reference) de (?:commande|pedido|encomenda|reservation|suivi|reserva|seguimiento)|commande|pedido|encomenda|(?:numero )?(?:di |d')?ordine|prenotazione)(?![a-z])/g,
    value: SHORT_CODE,
    score: orderScore,
  },
  {
    label: 'invoice number',
    cue: /(?<![a-z])(?:invoices?|inv(?=[ .:#-]{1,3}(?:no|nr|#|\d))|bill(?= ?(?:#|no|number))|receipt(?= ?(?:#|no|number))|rechnungs?-?(?:nummer|nr)?|factures?|facturas?|fattur[ae]|faturas?|ricevuta(?= ?n)|quittung(?= ?nr))(?![a-z])/g,
    value: SHORT_CODE,
    score: orderScore,
  },
  {
    label: 'device id',
    cue: /(?<![a-z])(?:imei|meid|udid|idfa|gaid|android[ _-]?id|advertising[ _-]?id|device[ _-]?(?:id|identifier|serial|uuid)|serial(?= ?(?:number|no|#|nr|:))|s\/n|gerate-?(?:id|nummer|kennung)|seriennummer|numero de serie|numero de serie|identifiant (?:de l')?appareil|id (?:del )?dispositivo|numero di serie|id do dispositivo)(?= ?[a-z:#=."'()\d-])(?![a-z])/g,
    value: /[a-z0-9](?:[a-z0-9]|[-:./ ](?=[a-z0-9]{0,3}\d)|[-:](?=[a-z0-9])){5,40}(?![a-z0-9])/y,
    score: identity(4, 42, 0.85),
  },
];

/** A code of so many characters with digits in it, that is no date. */
function identity(least: number, most: number, score = 0.9): Check {
  return ({ value }) => {
    const code = codeOf(value);
    const count = digitsOf(code).length;
    if (code.length < least || code.length > most || count < 2 || isDate(value)) return 0;
    return count * 4 >= code.length ? score : 0;
  };
}

function taxScore({ value }: Match): number {
  const code = codeOf(value);
  if (isDate(value) || digitsOf(code).length < 5) return 0;
  const valid =
    isSteuerId(code) || isNif(code) || isCpf(code) || isCnpj(code) || isCodiceFiscale(code) || isCif(code);
  return valid ? 0.97 : code.length >= 7 && code.length <= 18 ? 0.9 : 0;
}

function plateNamed(match: Match): number {
  const { value } = match;
  const code = codeOf(value);
  if (code.length < 4 || code.length > 9 || !/\d/.test(code) || isDate(value)) return 0;
  return /[a-z]/.test(code) || code.length > 4 ? plateScore(match) : 0;
}

function orderScore(match: Match): number {
  const { value } = match;
  const count = digitsOf(value).length;
  const gap = before(match, 12);
  const named = /[#:°º]|n[or]?\.? ?$|num|id|ref/.test(gap);
  if (count < 2 || isDate(value) || /^\d+[.]\d{2}$/.test(value)) return 0;
  if (/^ ?(?:eur|usd|euros?|dollars?|%|€|\$)/.test(after(match, 8)) || /[$€£] ?$/.test(gap)) return 0;
  return named || count >= 5 ? 0.88 : /[a-z]/.test(value) && count >= 3 ? 0.75 : 0;
}
