import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPatterns } from './find-patterns.ts';
import { fold } from './fold.ts';

const found = (text: string) =>
  findPatterns(text)
    .filter(({ score }) => score >= 0.5)
    .map(({ label, start, end }) => `${label}=${text.slice(start, end)}`);

describe('findPatterns', () => {
  it.each([
    ['Mail josé.garcía@exämple.de today', 'email=josé.garcía@exämple.de'],
    ['write to jane (at) example (dot) org', 'email=jane (at) example (dot) org'],
    ['Ring +49 30 123456-78 now', 'phone number=+49 30 123456-78'],
    ['(212) 555-0123 ext 12', 'phone number=(212) 555-0123 ext 12'],
    ['Tel. 01 23 45 67 89', 'phone number=01 23 45 67 89'],
    ['Handy: 0171/2345678', 'phone number=0171/2345678'],
    ['mi móvil es 612 345 678', 'phone number=612 345 678'],
    ['4111-1111-1111-1111', 'credit card number=4111-1111-1111-1111'],
    ['CVC: 123', 'cvv=123'],
    ['IBAN: de89370400440532013000', 'iban=de89370400440532013000'],
    ['GB29 NWBK 6016 1331 9268 19', 'iban=GB29 NWBK 6016 1331 9268 19'],
    ['SWIFT code DEUTDEFF', 'swift code=DEUTDEFF'],
    ['routing number 021000021', 'routing number=021000021'],
    ['Kontonummer: 123 456 789', 'bank account number=123 456 789'],
    [
      '0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe',
      'crypto wallet=0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe',
    ],
    ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', 'crypto wallet=1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa'],
    [
      'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq',
      'crypto wallet=bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq',
    ],
    ['ssn 123-45-6789', 'social security number=123-45-6789'],
    ['DNI 12345678Z', 'national id number=12345678Z'],
    ['C.F. RSSMRA85T10A562S', 'tax id=RSSMRA85T10A562S'],
    ['CPF 529.982.247-25', 'tax id=529.982.247-25'],
    ['passport no. X1234567', 'passport number=X1234567'],
    ['Kennzeichen: B-MW 1234', 'license plate number=B-MW 1234'],
    ['1HGCM82633A004352', 'vehicle identification number=1HGCM82633A004352'],
    ['MRN: 00482913', 'medical record number=00482913'],
    ['Versichertennummer A123456780', 'health insurance number=A123456780'],
    ['Rechnung Nr. RE-2024-001', 'invoice number=RE-2024-001'],
    ['order #A-55821', 'order number=A-55821'],
    ['10.0.0.254', 'ip address=10.0.0.254'],
    ['2001:db8::8a2e:370:7334', 'ip address=2001:db8::8a2e:370:7334'],
    ['00-1A-2B-3C-4D-5E', 'mac address=00-1A-2B-3C-4D-5E'],
    ['see https://example.com/a(b)?q=1.', 'url=https://example.com/a(b)?q=1'],
    ['IMEI 490154203237518', 'device id=490154203237518'],
    ['password = "tr0ub4dor&3!"', 'password=tr0ub4dor&3!'],
    ['mot de passe : chaton42', 'password=chaton42'],
    ['username: jdoe_42', 'username=jdoe_42'],
    ['key ghp_EXAMPLEF292c6912E7710c838347Ae178B4a', 'api key=ghp_EXAMPLEF292c6912E7710c838347Ae178B4a'],
    ['née le 3 mai 1971', 'date of birth=3 mai 1971'],
    ['Geburtsdatum: 01.02.1990', 'date of birth=01.02.1990'],
    ['ein 34-jähriger Mann', 'age=34-jähriger'],
    ['she is 34 years old', 'age=34 years old'],
    ['gender: female', 'gender=female'],
    ['at 48.8566, 2.3522', 'coordinates=48.8566, 2.3522'],
  ])('%s', (text, expected) => {
    expect(found(text)).toContain(expected);
  });

  it.each([
    '4111 1111 1111 1112 apples',
    'DE89370400440532013001',
    'From 1999-2000 the team won 100-200 games',
    'version 1.2.3.4 is out',
    'The password is required to log in',
    'password: ********',
    'at 12:30:45 on 2024-01-15',
    'std::vector and node.js',
    'ISBN 978-3-16-148410-0',
    'a 10 years guarantee, il y a 20 ans',
    'Pi is 3.14159265358979',
    '750 000 000 people',
    '@Override public void run()',
    'Bitcoin fell 5 percent in 2022',
  ])('finds nothing in: %s', (text) => {
    expect(found(text)).toEqual([]);
  });

  it('gives spans inside the text on any UTF-16', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        for (const { start, end } of findPatterns(text)) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(text.length);
        }
      }),
    );
  });

  it('folds code unit for code unit', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(fold(text)).toHaveLength(text.length);
      }),
    );
    expect(fold('Straße “Ñandú” 4–5')).toBe('strase "nandu" 4-5');
  });
});
