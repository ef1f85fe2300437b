/** Check digits and check letters of numbers that people carry. Values are folded, without separators. */

/** Sum of digit × weight; the weights repeat. */
function weighted(digits: string, weights: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) sum += Number(digits[i]) * weights[i % weights.length]!;
  return sum;
}

/** Card numbers, IMEI. */
export function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return digits.length > 0 && sum % 10 === 0 && !isOneDigit(digits);
}

/** 0000…, 1111…: valid by many a checksum, and nobody's. */
export function isOneDigit(digits: string): boolean {
  return /^(\d)\1*$/.test(digits);
}

/** Length of an IBAN by country. */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    'ad24 ae23 al28 at20 az28 ba20 be16 bg22 bh22 br29 by28 ch21 cr22 cy28 cz24 de22 dk18 do28 ee20 eg29 es24 fi18 ' +
    'fo18 fr27 gb22 ge22 gi23 gl18 gr27 gt28 hr21 hu28 ie22 il23 iq23 is26 it27 jo30 kw30 kz20 lb28 lc32 li21 lt20 ' +
    'lu20 lv21 ly25 mc27 md24 me22 mk19 mr27 mt31 mu30 nl18 no15 pk24 pl28 ps29 pt25 qa29 ro24 rs22 sa24 sc31 sd18 ' +
    'se24 si19 sk24 sm27 st25 sv28 tl23 tn24 tr26 ua29 va22 vg24 xk20'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Null for a country without IBANs. */
export function ibanLength(country: string): number | null {
  return IBAN_LENGTHS.get(country) ?? null;
}

export function isIban(code: string): boolean {
  if (IBAN_LENGTHS.get(code.slice(0, 2)) !== code.length) return false;
  return mod97(code.slice(4) + code.slice(0, 4)) === 1;
}

/** Letters count as 10 to 35. */
function mod97(code: string): number {
  let rest = 0;
  for (const sign of code) {
    const value = sign >= 'a' ? sign.charCodeAt(0) - 87 : Number(sign);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest;
}

/** American bank routing numbers. */
export function isAba(digits: string): boolean {
  if (digits.length !== 9 || !/^(?:0\d|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)/.test(digits)) return false;
  return !isOneDigit(digits) && weighted(digits, [3, 7, 1]) % 10 === 0;
}

/** American social security numbers, as far as they can be told. */
export function isSsn(digits: string): boolean {
  return /^(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}$/.test(digits) && !isOneDigit(digits);
}

const DNI_LETTERS = 'trwagmyfpdxbnjzsqvhlcke';

/** Spanish DNI and NIE: a letter from the number. */
export function isDni(code: string): boolean {
  if (!/^[xyz\d]\d{7}[a-z]$/.test(code)) return false;
  const number = Number(code.slice(0, 8).replace('x', '0').replace('y', '1').replace('z', '2'));
  return DNI_LETTERS[number % 23] === code[8];
}

/** Spanish CIF of a company: a letter, seven digits, a digit or letter. */
export function isCif(code: string): boolean {
  if (!/^[abcdefghjnpqrsuvw]\d{7}[0-9a-j]$/.test(code)) return false;
  let sum = 0;
  for (let i = 1; i <= 7; i++) {
    const digit = Number(code[i]) * (i % 2 === 1 ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  const check = (10 - (sum % 10)) % 10;
  return code[8] === String(check) || code[8] === 'jabcdefghi'[check];
}

const ODD_VALUES = [
  1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];

/** Italian codice fiscale of a person. */
export function isCodiceFiscale(code: string): boolean {
  if (!/^[a-z]{6}[0-9lmnpqrstuv]{2}[abcdehlmprst][0-9lmnpqrstuv]{2}[a-z][0-9lmnpqrstuv]{3}[a-z]$/.test(code))
    return false;
  let sum = 0;
  for (let i = 0; i < 15; i++) {
    const value = code.charCodeAt(i) - (code[i]! >= 'a' ? 97 : 48);
    sum += i % 2 === 0 ? ODD_VALUES[value]! : value;
  }
  return code.charCodeAt(15) - 97 === sum % 26;
}

/** French social security number: 13 digits (2A and 2B for Corsica) and a key. */
export function isNir(code: string): boolean {
  if (!/^[1-478]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d{2}|2[ab])\d{8}$/.test(code)) return false;
  const number = code.slice(0, 13).replace('2a', '19').replace('2b', '18');
  return 97 - (Number(number) % 97) === Number(code.slice(13));
}

/** German tax id: eleven digits, ISO 7064 mod 11,10, one digit twice or three times among the first ten. */
export function isSteuerId(digits: string): boolean {
  if (!/^[1-9]\d{10}$/.test(digits)) return false;
  const different = new Set(digits.slice(0, 10)).size;
  return (different === 9 || different === 8) && isMod1110(digits);
}

function isMod1110(digits: string): boolean {
  let product = 10;
  for (const digit of digits.slice(0, -1)) {
    const sum = (Number(digit) + product) % 10 || 10;
    product = (sum * 2) % 11;
  }
  return (11 - product) % 10 === Number(digits[digits.length - 1]);
}

/** Machine-readable check digit (7, 3, 1) of identity cards and passports: the last digit checks those before. */
export function isMrzChecked(code: string): boolean {
  let sum = 0;
  for (let i = 0; i + 1 < code.length; i++) {
    const value = code[i]! >= 'a' ? code.charCodeAt(i) - 87 : Number(code[i]);
    sum += value * [7, 3, 1][i % 3]!;
  }
  return sum % 10 === Number(code[code.length - 1]);
}

/** Portuguese NIF. */
export function isNif(digits: string): boolean {
  if (!/^[1235689]\d{8}$/.test(digits) || isOneDigit(digits)) return false;
  const check = 11 - (weighted(digits.slice(0, 8), [9, 8, 7, 6, 5, 4, 3, 2]) % 11);
  return Number(digits[8]) === (check > 9 ? 0 : check);
}

/** British national insurance number. */
export function isNino(code: string): boolean {
  return /^(?!bg|gb|nk|kn|tn|nt|zz)[a-ceghj-prstw-z][a-ceghj-nprstw-z]\d{6}[a-d]$/.test(code);
}

/** British NHS number. */
export function isNhs(digits: string): boolean {
  if (digits.length !== 10 || isOneDigit(digits)) return false;
  const check = 11 - (weighted(digits.slice(0, 9), [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
  return check !== 10 && Number(digits[9]) === check % 11;
}

function brazilianDigit(digits: string, weights: readonly number[]): number {
  const rest = weighted(digits, weights) % 11;
  return rest < 2 ? 0 : 11 - rest;
}

/** Brazilian CPF. */
export function isCpf(digits: string): boolean {
  if (digits.length !== 11 || isOneDigit(digits)) return false;
  const first = brazilianDigit(digits.slice(0, 9), [10, 9, 8, 7, 6, 5, 4, 3, 2]);
  const second = brazilianDigit(digits.slice(0, 10), [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
  return digits.endsWith(`${first}${second}`);
}

/** Brazilian CNPJ. */
export function isCnpj(digits: string): boolean {
  if (digits.length !== 14 || isOneDigit(digits)) return false;
  const first = brazilianDigit(digits.slice(0, 12), [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
  const second = brazilianDigit(digits.slice(0, 13), [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
  return digits.endsWith(`${first}${second}`);
}

const VIN_VALUES = '0123456789.abcdefgh..jklmn.p.r..stuvwxyz';
const VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

/** The check digit that vehicles sold in North America have. */
export function isVin(code: string): boolean {
  if (!/^[a-hj-npr-z0-9]{17}$/.test(code)) return false;
  let sum = 0;
  for (let i = 0; i < 17; i++) sum += (VIN_VALUES.indexOf(code[i]!) % 10) * VIN_WEIGHTS[i]!;
  return '0123456789x'[sum % 11] === code[8];
}

/** VAT numbers of the European Union and its neighbours by their form, those of six countries by their check too. */
const VAT_FORMS =
  /^(?:atu\d{8}|be[01]\d{9}|bg\d{9,10}|cy\d{8}[a-z]|cz\d{8,10}|de\d{9}|dk\d{8}|ee\d{9}|el\d{9}|es[a-z0-9]\d{7}[a-z0-9]|fi\d{8}|fr[a-z0-9]{2}\d{9}|gb(?:\d{9}|\d{12})|hr\d{11}|hu\d{8}|ie\d[a-z0-9]\d{5}[a-z]{1,2}|it\d{11}|lt(?:\d{9}|\d{12})|lu\d{8}|lv\d{11}|mt\d{8}|nl\d{9}b\d{2}|pl\d{10}|pt\d{9}|ro\d{2,10}|se\d{12}|si\d{8}|sk\d{10}|che\d{9}(?:mwst|tva|iva)?)$/;

export function isVat(code: string): boolean {
  if (!VAT_FORMS.test(code)) return false;
  const number = code.slice(2);
  switch (code.slice(0, 2)) {
    case 'de':
      return isMod1110(number);
    case 'es':
      return isDni(number) || isCif(number) || /^[klm]/.test(number);
    case 'fr':
      return !/^\d{11}$/.test(number) || isFrenchKey(number);
    case 'it':
      return isLuhn(number);
    case 'pt':
      return isNif(number);
    case 'be':
      return 97 - (Number(number.slice(0, 8)) % 97) === Number(number.slice(8));
    default:
      return true;
  }
}

/** Key = (12 + 3 × (SIREN mod 97)) mod 97. */
function isFrenchKey(number: string): boolean {
  return (12 + 3 * (Number(number.slice(2)) % 97)) % 97 === Number(number.slice(0, 2));
}
