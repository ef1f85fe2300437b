import { describe, expect, it } from 'vitest';
import {
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
  isSsn,
  isSteuerId,
  isVat,
  isVin,
} from './checksums.ts';
import { sha256 } from './sha256.ts';
import { isBase58Address, isBech32Address } from './wallets.ts';

/** Each valid value, and the same with its last sign changed. */
const VALID: readonly [string, (code: string) => boolean, string, string][] = [
  ['Luhn', isLuhn, '4111111111111111', '4111111111111112'],
  ['IBAN', isIban, 'fr7630006000011234567890189', 'fr7630006000011234567890188'],
  ['ABA', isAba, '021000021', '021000022'],
  ['DNI', isDni, '12345678z', '12345678a'],
  ['NIE', isDni, 'x1234567l', 'x1234567m'],
  ['CIF', isCif, 'a58818501', 'a58818502'],
  ['codice fiscale', isCodiceFiscale, 'rssmra85t10a562s', 'rssmra85t10a562t'],
  ['NIR', isNir, '255081416802538', '255081416802539'],
  ['Steuer-ID', isSteuerId, '86095742719', '86095742718'],
  ['NIF', isNif, '123456789', '123456788'],
  ['NHS', isNhs, '9434765919', '9434765918'],
  ['CPF', isCpf, '52998224725', '52998224726'],
  ['CNPJ', isCnpj, '11222333000181', '11222333000182'],
  ['VIN', isVin, '1m8gdm9axkp042788', '1m8gdm9a1kp042788'],
  ['VAT of Germany', isVat, 'de136695976', 'de136695977'],
  ['VAT of Italy', isVat, 'it00743110157', 'it00743110158'],
  ['VAT of France', isVat, 'fr40303265045', 'fr41303265045'],
  ['NINO', isNino, 'ab123456c', 'ab123456e'],
  ['SSN', isSsn, '123456789', '000456789'],
  ['Bitcoin', isBase58Address, '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb'],
  [
    'bech32',
    isBech32Address,
    'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq',
    'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp',
  ],
];

describe('checksums', () => {
  it.each(VALID)('%s', (_, isValid, right, wrong) => {
    expect(isValid(right)).toBe(true);
    expect(isValid(wrong)).toBe(false);
  });

  it('SHA-256 of "abc" and of more than a block', () => {
    const hex = (text: string) =>
      [...sha256(new TextEncoder().encode(text))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    expect(hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(hex('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
  });
});
