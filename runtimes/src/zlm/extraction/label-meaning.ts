/** What a label or a field's name asks for, however it is worded. */
import type { PiiLabel } from '@zerogpu/catalogue';
import type { Kind, KindLexicon } from '../entities/kind-lexicon.ts';
import { NAME_TYPES, type NameType } from '../entities/name-tagger.ts';
import type { QuantityKind } from '../entities/quantities.ts';
import { termOf } from '../terms.ts';
import { wordsOf } from '../words.ts';

export interface Meaning {
  /** Terms of the wording. */
  readonly terms: readonly string[];
  /** What patterns of personal data call it; null for what they do not find. */
  readonly pattern: PiiLabel | null;
  readonly quantities: readonly QuantityKind[];
  /** Units that a measure must have; null when any will do. */
  readonly units: RegExp | null;
  readonly kind: Kind | null;
  /** Types of the tagger that may hold such a name. */
  readonly names: readonly NameType[];
}

interface QuantityMeaning {
  readonly words: readonly string[];
  readonly kinds: readonly QuantityKind[];
  readonly units?: RegExp;
}

const QUANTITIES: readonly QuantityMeaning[] = [
  {
    words: words(
      'price cost amount money total salary fee budget revenue subtotal payment wage rent income profit sum fare ' +
        'tuition discount_amount funding valuation investment fine deposit balance preis betrag gesamtbetrag precio ' +
        'importe prix montant prezzo importo preço valor gehalt kosten bonus debt loan worth earning expense sale tip ' +
        'renta alquiler loyer miete affitto canone aluguel premium tax_amount msrp charge monetary_value monetary_amount currency_amount',
    ),
    kinds: ['money'],
  },
  {
    words: words(
      'percent percentage discount rate growth share interest_rate tax_rate vat_rate margin humidity',
    ),
    kinds: ['percent'],
  },
  {
    words: words(
      'date deadline day when birthday birthdate dob due_date start_date end_date release_date published hire_date ' +
        'expiry expiration issued delivery_date datum fecha data scadenza fecha_de_vencimiento timestamp released quarter fiscal_quarter ' +
        'launch_date invoice_date order_date departure arrival established founded since check_in check_out',
    ),
    kinds: ['date', 'year'],
  },
  {
    words: words('year founding_year graduation_year release_year jahr año année anno ano'),
    kinds: ['year', 'date'],
  },
  {
    words: words('time hour clock start_time end_time departure_time arrival_time uhrzeit hora heure ora'),
    kinds: ['time', 'duration'],
  },
  { words: words('date_time datetime schedule date_and_time'), kinds: ['date', 'time'] },
  {
    words: words(
      'duration period prep_time cook_time cooking_time preparation_time total_time runtime running_time experience years_of_experience warranty battery_life term dauer duración durée length_of_stay contract_length lead_time bake_time',
    ),
    kinds: ['duration'],
  },
  {
    words: words('weight mass gewicht peso poids'),
    kinds: ['measure'],
    units: /^(?:kg|kilo|gram|g$|mg|t$|ton|lb|pound|ounce|oz)/,
  },
  {
    words: words(
      'height width depth length distance size altitude diameter elevation dimension screen_size display_size display mileage höhe',
    ),
    kinds: ['measure'],
    units:
      /^(?:km|m$|m²|cm|mm|nm|mi|yard|feet|foot|ft|inch|in$|["”″]|met|kilom|centim|acre|hect|ha$|sq|square|px|pixel)/,
  },
  {
    words: words('area floor_area living_space square_footage surface'),
    kinds: ['measure'],
    units: /^(?:m²|m2|qm|km²|acre|hect|ha$|sq|square)/,
  },
  {
    words: words('storage memory ram capacity storage_capacity disk file_size'),
    kinds: ['measure'],
    units: /^(?:[gtmk]i?b$|mah|wh|l$|lit|ml)/,
  },
  { words: words('battery battery_capacity'), kinds: ['measure', 'duration'], units: /^(?:mah|wh|kwh)/ },
  { words: words('power wattage'), kinds: ['measure'], units: /^(?:k?m?g?w|watt|hp|ps$)/ },
  {
    words: words('speed velocity top_speed'),
    kinds: ['measure'],
    units: /^(?:km\/h|kmh|mph|knot|mbps|gbps|rpm)/,
  },
  { words: words('temperature oven_temperature temp temperatur'), kinds: ['measure'], units: /^°|^degree/ },
  { words: words('volume'), kinds: ['measure'], units: /^(?:l$|lit|ml|cl|dl|gal|cup|m³|pint|quart)/ },
  {
    words: words('dosage dose strength'),
    kinds: ['measure'],
    units: /^(?:mg|g$|ml|µg|mcg|ug|iu|unit|gram|milligram)/,
  },
  { words: words('frequency clock_speed refresh_rate'), kinds: ['measure'], units: /^(?:k?m?g?hz)/ },
  {
    words: words('camera camera_resolution resolution'),
    kinds: ['measure'],
    units: /^(?:mp|megap|px|pixel)/,
  },
  { words: words('calorie calories kcal energy'), kinds: ['measure'], units: /^(?:k?cal|kj|calor|kwh)/ },
  {
    words: words('serving servings yield portions portion'),
    kinds: ['measure', 'number'],
    units: /^(?:serv|port|people|person)/,
  },
  {
    words: words(
      'quantity number count quantities menge cantidad quantité qty figure value numeral cardinal measurement measure',
    ),
    kinds: ['number', 'measure'],
  },
  { words: words('score result final_score ergebnis resultado marcador'), kinds: ['score'] },
  { words: words('ordinal rank position_number'), kinds: ['ordinal', 'number'] },
];

function words(list: string): string[] {
  return list.split(' ').map((word) => keyOf(word.replaceAll('_', ' ')));
}

const QUANTITY_BY_WORDS: ReadonlyMap<string, QuantityMeaning> = new Map(
  QUANTITIES.flatMap((meaning) => meaning.words.map((word): [string, QuantityMeaning] => [word, meaning])),
);

/** Wordings of what patterns find; keys are terms. */
const PATTERNS: ReadonlyMap<string, PiiLabel> = new Map(
  (
    [
      ['email', 'email e-mail email_address mail e_mail contact_email correo emails'],
      [
        'phone number',
        'phone phone_number telephone mobile tel fax contact_number telefon teléfono telephone_number cell phone_no',
      ],
      ['url', 'url website_url link web_address web_page hyperlink domain homepage uri'],
      ['ip address', 'ip ip_address ipv4 ipv6'],
      ['mac address', 'mac_address'],
      ['credit card number', 'credit_card credit_card_number card_number'],
      ['iban', 'iban'],
      ['swift code', 'swift bic swift_code'],
      ['bank account number', 'account_number bank_account'],
      ['social security number', 'ssn social_security_number'],
      ['passport number', 'passport passport_number'],
      ['driver license number', 'driver_license license_number'],
      ['license plate number', 'license_plate plate_number'],
      ['vehicle identification number', 'vin vehicle_identification_number'],
      ['tax id', 'tax_id tax_number ein'],
      ['vat number', 'vat_number vat_id'],
      ['order number', 'order_number order_id tracking_number order_no'],
      [
        'invoice number',
        'invoice_number invoice_id invoice_no rechnungsnummer número_de_factura factura factura_número factura_numero número_factura rechnung_nummer invoice_number_invoice factura_nº',
      ],
      ['address', 'street_address postal_address mailing_address address home_address adresse dirección'],
      ['zip code', 'zip zip_code postal_code postcode plz'],
      ['date of birth', 'date_of_birth'],
      ['age', 'age alter edad âge'],
      ['gender', 'gender sex'],
      ['username', 'username user_name handle login'],
      ['password', 'password'],
      ['api key', 'api_key token secret_key access_key'],
      ['coordinates', 'coordinates gps coordinate'],
      ['medical record number', 'medical_record_number mrn patient_id'],
    ] as const
  ).flatMap(([label, list]) => words(list).map((word): [string, PiiLabel] => [word, label])),
);

const TYPES_OF_TOP: Readonly<Record<string, readonly NameType[]>> = {
  person: ['person'],
  organization: ['corporation', 'group'],
  group: ['group', 'corporation'],
  location: ['location'],
  product: ['product', 'corporation'],
  'creative work': ['creative work'],
  event: ['event'],
};

const TYPES_OF_LABEL: Readonly<Record<string, readonly NameType[]>> = {
  group: ['group'],
  company: ['corporation'],
  corporation: ['corporation'],
  building: ['location', 'corporation'],
  product: ['product'],
};

/** Parts that a person plays, or a company, or a team. */
const PARTIES = new Set(
  words(
    'winner loser champion buyer seller sender recipient customer client vendor supplier plaintiff defendant tenant ' +
      'landlord lender borrower sponsor host organizer owner applicant appellant respondent claimant party bidder ' +
      'insured payee payer issuer holder opponent investor partner bill_to ship_to sold_to cliente kunde proveedor',
  ),
);
const PARTY_TYPES: readonly NameType[] = ['corporation', 'group', 'person'];

/** "flight number" asks for no amount. */
const IDENTIFIERS = new Set(words('number value figure no id code'));

/** All wordings that ask for names of whatever kind. */
const ANY_NAME = new Set(words('name entity named_entity entities thing proper_noun misc miscellaneous'));

export function keyOf(label: string): string {
  return termsOf(label).join(' ');
}

/** "releaseDate", "release_date", "Release dates" → release, date. */
export function termsOf(label: string): string[] {
  const spaced = label.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/[_/.-]+/g, ' ');
  return wordsOf(spaced).map(({ text }) => termOf(text));
}

export function meaningOf(label: string, kinds: KindLexicon): Meaning {
  const terms = termsOf(label);
  const key = terms.join(' ');
  const pattern = lookUp(PATTERNS, terms);
  const isIdentifier = terms.length > 1 && IDENTIFIERS.has(terms.at(-1) ?? '');
  const quantity =
    isIdentifier || (pattern && !key.includes('date')) ? undefined : lookUp(QUANTITY_BY_WORDS, terms);
  const isParty = !pattern && !quantity && PARTIES.has(key);
  const kind = isParty || quantity || (pattern && !kinds.namedExactly(label)) ? null : kinds.named(label);
  const anyNames = isParty ? PARTY_TYPES : ANY_NAME.has(key) ? NAME_TYPES : [];
  return {
    terms,
    pattern: pattern ?? null,
    quantities: quantity?.kinds ?? [],
    units: quantity?.units ?? null,
    kind,
    names: kind === null ? anyNames : typesOf(kind, kinds),
  };
}

/** By all terms, or the last two, or the last. */
function lookUp<T>(table: ReadonlyMap<string, T>, terms: readonly string[]): T | undefined {
  return table.get(terms.join(' ')) ?? table.get(terms.slice(-2).join(' ')) ?? table.get(terms.at(-1) ?? '');
}

function typesOf(kind: Kind, kinds: KindLexicon): readonly NameType[] {
  const name = kinds.kinds[kind] ?? '';
  const top = kinds.kinds[kinds.top(kind)] ?? '';
  return TYPES_OF_LABEL[name] ?? TYPES_OF_TOP[name] ?? TYPES_OF_TOP[top] ?? [];
}
