/** Every kind of personal data that the PII models name, and the category that it belongs to. */
export const PII_CATEGORIES = [
  'identity',
  'contact',
  'government_id',
  'financial',
  'medical',
  'credentials',
  'digital',
  'location',
  'temporal',
] as const;

export type PiiCategory = (typeof PII_CATEGORIES)[number];

/** Each label in exactly one category. */
export const PII_LABELS = {
  person: 'identity',
  email: 'contact',
  'phone number': 'contact',
  address: 'location',
  street: 'location',
  city: 'location',
  'zip code': 'location',
  country: 'location',
  'date of birth': 'temporal',
  age: 'temporal',
  gender: 'identity',
  username: 'credentials',
  password: 'credentials',
  'api key': 'credentials',
  url: 'digital',
  'ip address': 'digital',
  'mac address': 'digital',
  'credit card number': 'financial',
  cvv: 'financial',
  iban: 'financial',
  'bank account number': 'financial',
  'routing number': 'financial',
  'swift code': 'financial',
  'crypto wallet': 'financial',
  'social security number': 'government_id',
  'national id number': 'government_id',
  'passport number': 'government_id',
  'driver license number': 'government_id',
  'tax id': 'government_id',
  'vat number': 'government_id',
  'license plate number': 'government_id',
  'vehicle identification number': 'government_id',
  'medical record number': 'medical',
  'health insurance number': 'medical',
  'medical condition': 'medical',
  medication: 'medical',
  organization: 'identity',
  'job title': 'identity',
  nationality: 'identity',
  coordinates: 'location',
  'device id': 'digital',
  'order number': 'financial',
  'invoice number': 'financial',
} as const satisfies Record<string, PiiCategory>;

export type PiiLabel = keyof typeof PII_LABELS;

/** Other names that people give to the same kinds. */
const ALIASES: Readonly<Record<string, PiiLabel>> = {
  name: 'person',
  'full name': 'person',
  'person name': 'person',
  people: 'person',
  'email address': 'email',
  'e mail': 'email',
  phone: 'phone number',
  telephone: 'phone number',
  'telephone number': 'phone number',
  'mobile phone number': 'phone number',
  'landline phone number': 'phone number',
  'fax number': 'phone number',
  location: 'address',
  'full address': 'address',
  'street address': 'street',
  zip: 'zip code',
  postcode: 'zip code',
  'postal code': 'zip code',
  dob: 'date of birth',
  birthday: 'date of birth',
  'birth date': 'date of birth',
  sex: 'gender',
  'user name': 'username',
  'social media handle': 'username',
  passcode: 'password',
  'api token': 'api key',
  secret: 'api key',
  website: 'url',
  ip: 'ip address',
  mac: 'mac address',
  'credit card': 'credit card number',
  'card number': 'credit card number',
  cvc: 'cvv',
  'account number': 'bank account number',
  'bank account': 'bank account number',
  bic: 'swift code',
  ssn: 'social security number',
  'national id': 'national id number',
  'id number': 'national id number',
  'identity card number': 'national id number',
  passport: 'passport number',
  "driver's license number": 'driver license number',
  'driver license': 'driver license number',
  'drivers license number': 'driver license number',
  'driving licence number': 'driver license number',
  cpf: 'tax id',
  cnpj: 'tax id',
  'tax identification number': 'tax id',
  vat: 'vat number',
  'license plate': 'license plate number',
  'vehicle registration number': 'license plate number',
  vin: 'vehicle identification number',
  mrn: 'medical record number',
  'health insurance id number': 'health insurance number',
  'health insurance id': 'health insurance number',
  disease: 'medical condition',
  condition: 'medical condition',
  medicine: 'medication',
  drug: 'medication',
  company: 'organization',
  organisation: 'organization',
  occupation: 'job title',
  profession: 'job title',
  citizenship: 'nationality',
  imei: 'device id',
};

/** The label that a name means, whatever its case and whether words are joined by spaces, `_` or `-`; null for none. */
export function piiLabelOf(name: string): PiiLabel | null {
  const key = name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ');
  if (isPiiLabel(key)) return key;
  return Object.hasOwn(ALIASES, key) ? (ALIASES[key] ?? null) : null;
}

function isPiiLabel(name: string): name is PiiLabel {
  return Object.hasOwn(PII_LABELS, name);
}
