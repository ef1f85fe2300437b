import { readFile } from 'node:fs/promises';
import { extractionOptions } from '@zerogpu/catalogue';
import { beforeAll, describe, expect, it } from 'vitest';
import { PiiModel } from '../pii/pii-model.ts';
import { readWeights } from '../weights.ts';
import { Extractor } from './extractor.ts';
import { flowing, keyValuesIn } from './key-values.ts';

const weightsFile = (id: string) =>
  readFile(new URL(`../../../../models/weights/${id}/model.zlm`, import.meta.url));

let extractor: Extractor;

beforeAll(async () => {
  extractor = new Extractor(
    readWeights(await weightsFile('zlm-v1-extract-edge')),
    null,
    new PiiModel(readWeights(await weightsFile('zlm-v1-pii-edge'))),
  );
});

function entities(text: string, labels: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(extractor.entities(text, labels, 0.5));
}

function records(text: string, group: string, fields: readonly string[]): unknown {
  const options = extractionOptions({ metadata: { usecase: 'json', schema: { [group]: fields } } });
  return JSON.parse(extractor.answer(text, options)).data[group];
}

type Case = readonly [text: string, group: string, fields: readonly string[], records: readonly unknown[]];

describe('one record unless instances repeat', () => {
  const cases: readonly Case[] = [
    [
      'Please find attached invoice 88-1203 from Brightwater Plumbing Ltd to Mrs Ellen Cho, dated 4 June 2024. The total of £312.40 is due by 18 June 2024. Questions? Ask Tom Reed in accounts.',
      'invoice',
      ['number::str', 'vendor::str', 'customer::str', 'date::date', 'total::float'],
      [
        {
          number: '88-1203',
          vendor: 'Brightwater Plumbing Ltd',
          customer: 'Ellen Cho',
          date: '2024-06-04',
          total: 312.4,
        },
      ],
    ],
    [
      'Hanna Weiss, 34, is a nurse from Graz. Oliver Brand, 41, works as a carpenter in Linz.',
      'person',
      ['name::str', 'age::int', 'job::str', 'city::str'],
      [
        { name: 'Hanna Weiss', age: 34, job: 'nurse', city: 'Graz' },
        { name: 'Oliver Brand', age: 41, job: 'carpenter', city: 'Linz' },
      ],
    ],
    [
      'This loan agreement is between Kestrel Bank plc ("the Lender") and Dahlia Motors Limited ("the Borrower"). The principal is $250,000 and interest accrues at 6.5% per year.',
      'loan',
      ['lender::str', 'borrower::str', 'principal::float', 'interest_rate::float'],
      [
        {
          lender: 'Kestrel Bank plc',
          borrower: 'Dahlia Motors Limited',
          principal: 250000,
          interest_rate: 6.5,
        },
      ],
    ],
    [
      'On Sunday Eastvale lost 1-4 to Harrow Town at Millfield Stadium. Jon Pike scored twice for the visitors.',
      'match',
      ['winner::str', 'loser::str', 'score::str'],
      [{ winner: 'Harrow Town', loser: 'Eastvale', score: '1-4' }],
    ],
    [
      'Mara Lenz defeated Ines Roca 6-3 6-4 in the final of the Lisbon Open. Roca had won their last two meetings.',
      'match',
      ['winner::str', 'loser::str'],
      [{ winner: 'Mara Lenz', loser: 'Ines Roca' }],
    ],
    [
      'DANIEL OKAFOR\nProduct designer · Bristol · d.okafor@mail.example\n\nEXPERIENCE\n2019–present  Lead Designer, Fernhill Studio: design system, research\n2016–2019  UX Designer, Bright & Sons Ltd: checkout\nEDUCATION\nBA Graphic Design, Leeds',
      'candidate',
      ['name::str', 'email::str'],
      [{ name: 'DANIEL OKAFOR', email: 'd.okafor@mail.example' }],
    ],
    [
      'DANIEL OKAFOR\nProduct designer · Bristol · d.okafor@mail.example\n\nEXPERIENCE\n2019–present  Lead Designer, Fernhill Studio: design system, research\n2016–2019  UX Designer, Bright & Sons Ltd: checkout\nEDUCATION\nBA Graphic Design, Leeds',
      'job',
      ['title::str', 'employer::str', 'start::int::year of beginning'],
      [
        { title: 'Lead Designer', employer: 'Fernhill Studio', start: 2019 },
        { title: 'UX Designer', employer: 'Bright & Sons Ltd', start: 2016 },
      ],
    ],
    [
      'Backend Engineer at Quillon Labs (Ghent, hybrid)\n\nWe pay €65,000 to €80,000 a year. You need five years of experience with Go and PostgreSQL. Apply by 30 September 2025 to jobs@quillon.example.',
      'job',
      ['title::str', 'company::str', 'city::str', 'deadline::date', 'email::str'],
      [
        {
          title: 'Backend Engineer',
          company: 'Quillon Labs',
          city: 'Ghent',
          deadline: '2025-09-30',
          email: 'jobs@quillon.example',
        },
      ],
    ],
    [
      'From: Petra Simic\nTo: Louis Garnier\nSubject: Budget review\nDate: 2024-11-05\n\nHi Louis, the review moves to Thursday at 15:00. Anna from Delta Consult will join us. Petra',
      'email',
      ['sender::str', 'recipient::str', 'subject::str', 'date::date'],
      [{ sender: 'Petra Simic', recipient: 'Louis Garnier', subject: 'Budget review', date: '2024-11-05' }],
    ],
    [
      "Harold James Whitcombe, a retired engineer, passed away on 14 August 2024 aged 87. He leaves his wife Margaret and his daughters Ruth and Helen. The funeral will be held at St Anne's Church, Derby.",
      'person',
      ['name::str', 'age::int', 'date_of_death::date', 'profession::str'],
      [{ name: 'Harold James Whitcombe', age: 87, date_of_death: '2024-08-14', profession: 'engineer' }],
    ],
  ];
  it.each(cases)('%s', (text, group, fields, expected) => {
    expect(records(text, group, fields)).toEqual(expected);
  });
});

describe('columns, forms and tables', () => {
  const cases: readonly Case[] = [
    [
      'Shipment: SH-20931   Carrier: Norvik Freight   Weight: 18.4 kg\nOrigin: Rotterdam    Destination: Oslo    ETA: 2025-02-11',
      'shipment',
      ['carrier::str', 'weight::str', 'origin::str', 'destination::str', 'eta::date'],
      [
        {
          carrier: 'Norvik Freight',
          weight: '18.4 kg',
          origin: 'Rotterdam',
          destination: 'Oslo',
          eta: '2025-02-11',
        },
      ],
    ],
    [
      'Employee: Ruth Adeyemi\tDepartment: Finance\tStart date: 01/09/2021\nManager: Paul Novak\tSalary: $72,000',
      'employee',
      ['name::str', 'department::str', 'start_date::date', 'manager::str', 'salary::float'],
      [
        {
          name: 'Ruth Adeyemi',
          department: 'Finance',
          start_date: '2021-01-09',
          manager: 'Paul Novak',
          salary: 72000,
        },
      ],
    ],
    [
      'Sodium        139 mmol/L    (135-145)\nPotassium     5.6 mmol/L    (3.5-5.1)   HIGH\nCreatinine    88 umol/L     (60-110)\nGlucose       4.9 mmol/L    (3.9-5.5)',
      'result',
      ['name::str', 'value::float', 'unit::str'],
      [
        { name: 'Sodium', value: 139, unit: 'mmol/L' },
        { name: 'Potassium', value: 5.6, unit: 'mmol/L' },
        { name: 'Creatinine', value: 88, unit: 'umol/L' },
        { name: 'Glucose', value: 4.9, unit: 'mmol/L' },
      ],
    ],
    [
      'GREEN CORNER CAFE\nFlat white ........ 3.80\nBanana bread ...... 4.20\nOrange juice ...... 3.50',
      'item',
      ['name::str', 'price::float'],
      [
        { name: 'Flat white', price: 3.8 },
        { name: 'Banana bread', price: 4.2 },
        { name: 'Orange juice', price: 3.5 },
      ],
    ],
    [
      'Part             Qty    Price\nHinge, brass       6    2.40\nHandle             3    7.95\nScrew set          1    4.10',
      'part',
      ['name::str', 'quantity::int', 'price::float'],
      [
        { name: 'Hinge, brass', quantity: 6, price: 2.4 },
        { name: 'Handle', quantity: 3, price: 7.95 },
        { name: 'Screw set', quantity: 1, price: 4.1 },
      ],
    ],
    [
      'Slow-roasted tomato tart (serves 6)\n\nHeat the oven to 160 °C. Halve 1 kg of tomatoes, scatter thyme over them and roast them for two hours before you roll out the pastry.',
      'recipe',
      ['title::str', 'servings::int'],
      [{ title: 'Slow-roasted tomato tart', servings: 6 }],
    ],
    [
      'Council approves new cycle bridge over the Tarn\n\nThe city council voted on Monday to build a bridge for cyclists and walkers. Construction will begin in 2026 and cost 8 million euros.',
      'article',
      ['title::str', 'cost::str'],
      [{ title: 'Council approves new cycle bridge over the Tarn', cost: '8 million euros' }],
    ],
    [
      'Title: Login fails after password reset\nVersion: 7.2.0 on Windows 11\nBrowser: Edge 120\nExpected: redirect to home. Actual: error 500 page.',
      'bug',
      ['title::str', 'version::str', 'browser::str', 'expected::str', 'actual::str'],
      [
        {
          title: 'Login fails after password reset',
          version: '7.2.0',
          browser: 'Edge 120',
          expected: 'redirect to home',
          actual: 'error 500 page',
        },
      ],
    ],
    [
      "FACTURE N° F-2024-118        Date : 12/09/2024\nClient : Camille Moreau, 3 rue du Port, 44000 Nantes\nMain d'œuvre ....... 180,00 €\nPièces ............. 64,50 €\nTOTAL TTC 244,50 €",
      'invoice',
      ['number::str', 'date::date', 'customer::str', 'total::float'],
      [{ number: 'F-2024-118', date: '2024-09-12', customer: 'Camille Moreau', total: 244.5 }],
    ],
    [
      'Passenger: Omar Haddad    Flight: LX 318    Seat: 14C\nFrom: Zurich    To: London Heathrow    Date: 9 March 2026',
      'flight',
      ['passenger::str', 'flight_number::str', 'seat::str', 'from::str', 'to::str', 'date::date'],
      [
        {
          passenger: 'Omar Haddad',
          flight_number: 'LX 318',
          seat: '14C',
          from: 'Zurich',
          to: 'London Heathrow',
          date: '2026-03-09',
        },
      ],
    ],
    [
      '- Anna: finish the slides by Monday\n- Karim: book the room by Tuesday\n- Joy: invite the guests by Friday',
      'task',
      ['owner::str', 'deadline::str'],
      [
        { owner: 'Anna', deadline: 'Monday' },
        { owner: 'Karim', deadline: 'Tuesday' },
        { owner: 'Joy', deadline: 'Friday' },
      ],
    ],
    [
      'Name: Lars Holm   Age: 58\nBlood pressure   142/90 mmHg\nPulse            78 bpm\nTemperature      37.2 °C',
      'patient',
      ['name::str', 'age::int'],
      [{ name: 'Lars Holm', age: 58 }],
    ],
    [
      'Name: Lars Holm   Age: 58\nBlood pressure   142/90 mmHg\nPulse            78 bpm\nTemperature      37.2 °C',
      'vital',
      ['name::str', 'value::str'],
      [
        { name: 'Blood pressure', value: '142/90 mmHg' },
        { name: 'Pulse', value: '78 bpm' },
        { name: 'Temperature', value: '37.2 °C' },
      ],
    ],
  ];
  it.each(cases)('%s', (text, group, fields, expected) => {
    expect(records(text, group, fields)).toEqual(expected);
  });
});

describe('what is denied, what held before, what a list goes on with', () => {
  const cases: readonly Case[] = [
    [
      'Cosy room near the station, 520 euros a month, bills included. Smoking is strictly prohibited and the garden cannot be used.',
      'room',
      ['rent::float', 'smoking_allowed::bool', 'bills_included::bool', 'garden::bool'],
      [{ rent: 520, smoking_allowed: false, bills_included: true, garden: false }],
    ],
    [
      "Hotel Alpenblick, double room 140 CHF. Breakfast is included, parking isn't. Dogs are welcome.",
      'hotel',
      ['breakfast::bool', 'parking::bool', 'dogs_allowed::bool'],
      [{ breakfast: true, parking: false, dogs_allowed: true }],
    ],
    [
      'Tickets are no longer refundable after 1 May. Children under six need no ticket. Wheelchair access is available.',
      'ticket',
      ['refundable::bool', 'wheelchair_access::bool'],
      [{ refundable: false, wheelchair_access: true }],
    ],
    [
      'Vela desk lamp, previously $64.00, now only $48.00. Colours: brass, matte black, sage green. In stock.',
      'product',
      ['price::float', 'colours::list', 'in_stock::bool'],
      [{ price: 48, colours: ['brass', 'matte black', 'sage green'], in_stock: true }],
    ],
    [
      'Wanderschuh Gipfelsturm – statt 159,00 € jetzt 119,00 €. Farben: anthrazit, moosgrün.',
      'product',
      ['price::float'],
      [{ price: 119 }],
    ],
    [
      'Merino base layer. RRP £75, our price £52.50. Sizes: S, M, L, XL. Free returns within 30 days.',
      'product',
      ['price::float', 'sizes::list'],
      [{ price: 52.5, sizes: ['S', 'M', 'L', 'XL'] }],
    ],
    [
      'The drill comes with a two-year warranty. Batteries are not included. A charger is included.',
      'product',
      ['batteries_included::bool', 'charger_included::bool', 'warranty::str'],
      [{ batteries_included: false, charger_included: true, warranty: 'two-year' }],
    ],
    [
      'Contrato de alquiler entre Inmobiliaria Sol S.A. (el Arrendador) y Pilar Vega Ruiz (el Arrendatario). La renta mensual es de 850 € y el plazo es de un año. No se admiten mascotas.',
      'contract',
      ['renta::float'],
      [{ renta: 850 }],
    ],
  ];
  it.each(cases)('%s', (text, group, fields, expected) => {
    expect(records(text, group, fields)).toEqual(expected);
  });
});

describe('names', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, readonly string[]>>])[] = [
    [
      'This loan agreement is between Kestrel Bank plc ("the Lender") and Dahlia Motors Limited ("the Borrower"). The principal is $250,000 and interest accrues at 6.5% per year.',
      { lender: ['Kestrel Bank plc'], borrower: ['Dahlia Motors Limited'] },
    ],
    [
      'DANIEL OKAFOR\nProduct designer · Bristol · d.okafor@mail.example\n\nEXPERIENCE\n2019–present  Lead Designer, Fernhill Studio: design system, research\n2016–2019  UX Designer, Bright & Sons Ltd: checkout\nEDUCATION\nBA Graphic Design, Leeds',
      { person: ['DANIEL OKAFOR'], email: ['d.okafor@mail.example'] },
    ],
    [
      'Send the keys to 7 Orchard Close, Wells BA5 2QT before Friday.',
      { address: ['7 Orchard Close, Wells BA5 2QT'] },
    ],
    [
      'Unsere Werkstatt ist in der Lindenstraße 14, 50674 Köln, geöffnet von 9 bis 17 Uhr.',
      { address: ['Lindenstraße 14, 50674 Köln'] },
    ],
    [
      'Livraison au 25 rue des Lilas, 69003 Lyon, avant mardi.',
      { address: ['25 rue des Lilas, 69003 Lyon'] },
    ],
    [
      'The office moved to 4120 Maple Avenue, Suite 3, Austin, TX 78704 last year.',
      { address: ['4120 Maple Avenue, Suite 3, Austin, TX 78704'] },
    ],
    [
      'Fjordline Systems AS signed a contract with Novacorp Inc. and the French startup Lumio SAS. Prado Textiles S.L. will deliver.',
      { company: ['Fjordline Systems AS', 'Novacorp Inc.', 'Lumio SAS', 'Prado Textiles S.L.'] },
    ],
    [
      'Der Minister Jürgen Falk besuchte am Montag die Fabrik der Weber GmbH in Jena. Die Beschäftigten fürchten um ihre Arbeitsplätze.',
      { person: ['Jürgen Falk'], company: ['Weber GmbH'], city: ['Jena'] },
    ],
    [
      'After updating from 2.9.3 to 3.0.1-beta the app crashes on Android 14. Rolling back to v2.9 helps.',
      { version: ['2.9.3', '3.0.1-beta', 'v2.9'] },
    ],
    [
      'She takes metformin 500 mg twice daily for type 2 diabetes and was given amoxicillin 250 mg for acute bronchitis.',
      { medication: ['metformin', 'amoxicillin'], disease: ['type 2 diabetes', 'acute bronchitis'] },
    ],
    [
      'Contact our Regional Sales Manager Ines Duarte or Sam Holt, Technical Lead, Porto.',
      { 'job title': ['Regional Sales Manager', 'Technical Lead'], person: ['Ines Duarte', 'Sam Holt'] },
    ],
    [
      'The prize for the best first novel went this year to the young writer Amelia\nThornbury, whose book about the salt works of Guérande had sold only a few copies.',
      { person: ['Amelia\nThornbury'] },
    ],
    [
      'La dottoressa Chiara Fontana lavora a Bologna per la ditta Rossi Meccanica S.r.l. e abita in Via Garibaldi 8, 40121 Bologna.',
      {
        person: ['Chiara Fontana'],
        company: ['Rossi Meccanica S.r.l.'],
        address: ['Via Garibaldi 8, 40121 Bologna'],
      },
    ],
  ];
  it.each(cases)('%s', (text, expected) => {
    expect(entities(text, Object.keys(expected))).toEqual(expected);
  });
});

describe('keyValuesIn', () => {
  const pairsOf = (text: string) =>
    keyValuesIn(text).map(({ key, start, end }) => [key, text.slice(start, end)]);

  it('cuts at gaps, tabs and signs, not behind the colon', () => {
    expect(pairsOf('Name:    Ann Lee   Age: 5\tCity: Bonn | Zip: 53111')).toEqual([
      ['name', 'Ann Lee'],
      ['age', '5'],
      ['city', 'Bonn'],
      ['zip', '53111'],
    ]);
    expect(pairsOf('Name      : Ann Lee')).toEqual([['name', 'Ann Lee']]);
  });

  it('finds pairs inside sentences, to their full stop', () => {
    expect(pairsOf('45 litres, nylon, colours: moss green, rust. Free delivery. Actual: 3 lines.')).toEqual([
      ['colours', 'moss green, rust'],
      ['actual', '3 lines'],
    ]);
  });
});

describe('flowing', () => {
  it('joins the lines of a paragraph and no others', () => {
    const long = 'The prize for the best first novel went this year to the young Amelia';
    expect(flowing(`${long}\nThornbury of Bath`)).toBe(`${long} Thornbury of Bath`);
    for (const next of ['Total: 5', '- an item', 'Hinge   2', '', '12 Oak Street']) {
      expect(flowing(`${long}\n${next}`)).toBe(`${long}\n${next}`);
    }
  });
});
