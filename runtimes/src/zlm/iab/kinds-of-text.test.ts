/** Texts of many walks of life, each with the tier-1 categories of Content 2.2 that may come first. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { plainInference } from '@zerogpu/protocol';
import { describe, expect, it } from 'vitest';
import { loadBuiltIn } from '../zlm.ts';
import type { EnrichedProfile } from './iab-profile.ts';

const ID = 'zlm-v1-iab-classify-edge-enriched';
const model = await loadBuiltIn(ID, (id, file) =>
  readFile(path.join(import.meta.dirname, `../../../../models/weights/${id}/${file}`)),
);

async function profileOf(text: string): Promise<EnrichedProfile> {
  let answer = '';
  for await (const piece of model.run(plainInference(ID, text), new AbortController().signal)) {
    if (piece.kind === 'text') answer += piece.text;
  }
  return JSON.parse(answer);
}

const CASES: readonly (readonly [kind: string, first: RegExp, text: string, ...keyword: string[]])[] = [
  [
    'a court ruling',
    /^News and Politics$/,
    'The Ninth Circuit reversed the grant of summary judgment on Tuesday, holding that the employer’s arbitration clause was unconscionable under California law. The panel remanded the wage claims for trial.',
    'arbitration clause',
  ],
  [
    'a bug report',
    /^Technology & Computing$/,
    'TypeError: Cannot read properties of undefined when I click the export button in version 4.2.1. Log in as admin, open the report page, choose CSV. Expected: a file downloads. Actual: the page goes blank.',
    'TypeError',
  ],
  [
    'an obituary',
    /^Family and Relationships$/,
    'Eleanor Whitfield, 87, of Cedar Rapids, passed away on March 3 surrounded by her family. She taught third grade for 34 years. She is survived by three children. Funeral services will be held Saturday.',
  ],
  [
    'a lease',
    /^Real Estate$/,
    'This Residential Lease Agreement is made between the Landlord and the Tenant. The Tenant agrees to pay rent of $1,450 per month and a security deposit. The term begins on June 1.',
    'Tenant',
  ],
  [
    'a lab result',
    /^Medical Health$/,
    'Hemoglobin 10.2 g/dL (L) 12.0-15.5; Ferritin 8 ng/mL (L); Glucose, fasting 104 mg/dL (H) 70-99; LDL cholesterol 162 mg/dL (H). Specimen: serum.',
    'LDL cholesterol',
  ],
  [
    'a product page',
    /^Technology & Computing$/,
    'SoundPeak wireless headphones with active noise cancelling. 30-hour battery life, USB-C fast charging, foldable. $129.99. In stock. Add to cart.',
    'wireless headphones',
  ],
  [
    'a page of boots',
    /^Style & Fashion$/,
    'Women’s waterproof hiking boots, leather upper, rubber sole, sizes 5 to 11. £89.00. Free returns. Add to basket.',
  ],
  [
    'a second-hand offer',
    /^Shopping$/,
    'For sale: 486 motherboard with 8 MB RAM, $80, and a Sony 14 inch monitor, $120 or best offer. Buyer pays shipping. Email me.',
  ],
  [
    'a poem',
    /^Books and Literature$/,
    'O silver moon above the sleeping sea, your light lies soft on every wave and stone; the wind that wanders sings of home to me, and I, who loved and lost, sit here alone.',
  ],
  [
    'roadworks',
    /^News and Politics$/,
    'Roadworks on the A40 between Oxford and Witney will begin on Monday and last six weeks. Expect delays at rush hour, with one lane closed in each direction, the county council said.',
    'Witney',
  ],
  [
    'a maker’s new software',
    /^Technology & Computing$/,
    'Microsoft unveiled a new version of its Windows operating system on Tuesday, adding an assistant that answers questions and edits documents. Laptop makers will ship it from October.',
  ],
  [
    'capitals only',
    /^News and Politics$/,
    'BREAKING NEWS: HURRICANE MAKES LANDFALL IN FLORIDA. THOUSANDS WITHOUT POWER. GOVERNOR ORDERS EVACUATION OF COASTAL COUNTIES.',
    'HURRICANE',
  ],
  [
    'a bad scan',
    /^Medical Health$/,
    'Tlie patient was adm1tted w1th chcst pain and shortness of brcath. ECG sh0wed ST elevat1on. A stent was placcd in the left anter1or descending artery.',
  ],
  [
    'code',
    /^Technology & Computing$/,
    'def fetch_user(user_id):\n    response = requests.get(f"{BASE}/users/{user_id}", headers=HEADERS)\n    response.raise_for_status()\n    return response.json()',
    'fetch_user',
  ],
  [
    'German football',
    /^Sports$/,
    'Der FC Bayern hat das Spitzenspiel der Bundesliga gegen Dortmund mit 3:1 gewonnen. Der Stürmer traf doppelt, der Trainer lobte nach dem Abpfiff die Mannschaft.',
    'Bundesliga',
  ],
  [
    'German politics',
    /^News and Politics$/,
    'Die Bundesregierung hat am Mittwoch ein neues Gesetz zur Rente beschlossen. Die Opposition im Bundestag kritisierte den Entwurf. Der Kanzler verteidigte die Reform.',
    'Bundesregierung',
  ],
  [
    'a Spanish invoice',
    /^Business and Finance$/,
    'FACTURA N.º 2024-0457. Cliente: Talleres Gómez S.L. Base imponible: 300,00 €. IVA (21 %): 63,00 €. Total: 363,00 €. Forma de pago: transferencia bancaria a 30 días.',
    'transferencia bancaria',
  ],
  [
    'a French law',
    /^News and Politics$/,
    'Le gouvernement a présenté mardi son projet de loi sur les retraites. L’opposition à l’Assemblée dénonce la réforme du ministre.',
  ],
  [
    'an Italian recipe',
    /^Food & Drink$/,
    'La ricetta della carbonara: cuocere gli spaghetti in acqua salata, rosolare il guanciale in padella e sbattere le uova con il pecorino.',
    'spaghetti',
  ],
  [
    'a Portuguese treatment',
    /^Medical Health$/,
    'O médico recomendou ao paciente um novo tratamento para a diabetes. O hospital informou que os sintomas melhoraram após duas semanas de medicação.',
    'tratamento',
  ],
];

describe('the first category and the keywords', () => {
  it.each(CASES.map(([kind, ...rest]) => ({ kind, rest })))('of $kind', async ({ rest }) => {
    const [first, text, keyword] = rest;
    const { content, keywords, topics } = await profileOf(text);
    expect(content.iab_2_2[0]?.name).toMatch(first);
    expect(topics.length).toBeGreaterThan(0);
    if (keyword !== undefined) expect(keywords.join(' | ')).toContain(keyword);
  });

  it('never tells a key or an address', async () => {
    const { keywords } = await profileOf(
      'Deploy with token 4f9a8b7c6d5e4f3a2b1c9d8e and mail ops@example.com or see https://example.com/deploy for the server settings.',
    );
    expect(keywords.join(' ')).not.toMatch(/4f9a|ops|example/);
    expect(keywords.join(' ')).toContain('server');
  });
});
