/** Twenty texts from different walks of life, with the options that a user of each would send. All invented. */

export interface ExampleText {
  readonly name: string;
  readonly text: string;
  /** For zero-shot classification. */
  readonly labels: readonly string[];
  /** For entity extraction. */
  readonly entities: readonly string[];
  /** For JSON extraction: group → fields. */
  readonly schema: Readonly<Record<string, readonly string[]>>;
  /** For classification by schema: axis → labels. */
  readonly axes: Readonly<Record<string, readonly string[]>>;
}

const lines = (...parts: readonly string[]): string => parts.join('\n');

export const EXAMPLE_TEXTS: readonly ExampleText[] = [
  {
    name: 'Recipe',
    text: lines(
      'Lemon barley soup (serves 4)',
      '',
      'Rinse 200 g of pearl barley and simmer it in 1.5 litres of vegetable stock for 35 minutes. Meanwhile, soften two leeks',
      'and a stick of celery in olive oil, add three cloves of garlic, and cook until they smell sweet. Stir everything into the',
      'pot with a bay leaf. Just before serving add the juice of one lemon and a handful of chopped dill. It keeps for three days in',
      'the fridge, but thin it with a little water when you warm it up.',
    ),
    labels: ['cooking', 'gardening', 'medicine', 'travel'],
    entities: ['ingredient', 'quantity', 'duration'],
    schema: {
      recipe: [
        'title::str::name of the dish',
        'servings::int::number of servings',
        'ingredients::list::what goes in',
      ],
    },
    axes: { meal: ['soup', 'dessert', 'salad'], diet: ['vegetarian', 'contains meat'] },
  },
  {
    name: 'Court ruling',
    text: lines(
      'The Court of Appeal on 14 March 2025 dismissed the appeal of Harwick Shipping Ltd against the judgment of the High Court in',
      'favour of Ms Oluchi Mensah. The claimant had slipped on an unlit gangway in the port of Felixmouth and broken her wrist. The',
      'judges held that the company had breached its duty of care, because the lamp had been reported as broken eleven days before.',
      'Damages of £48,200 were upheld; the costs of both instances are to be borne by the appellant. Lord Justice Prewett dissented on',
      'the question of contributory negligence.',
    ),
    labels: ['law', 'sports', 'shipping', 'health'],
    entities: ['court', 'company', 'person', 'date', 'amount of money'],
    schema: {
      ruling: [
        'court::str',
        'date::date',
        'claimant::str',
        'damages::float',
        'outcome::[upheld|dismissed]::str',
      ],
    },
    axes: { area: ['criminal law', 'personal injury', 'tax law'] },
  },
  {
    name: 'Match report',
    text: lines(
      'Rovers came from two goals down to beat United 3-2 in a wild derby at Brackley Park on Saturday. Tomas Lindqvist headed in a',
      'corner just before half-time, and substitute Kwame Adjei levelled from the penalty spot in the 71st minute. With the crowd already',
      'looking for the exits, Lindqvist curled a free kick over the wall in stoppage time. “We never stopped believing,” said coach Marta',
      'Ruiz. United have now lost four matches in a row and drop to seventeenth in the table.',
    ),
    labels: ['sports', 'politics', 'business', 'entertainment'],
    entities: ['person', 'team', 'location'],
    schema: {
      match: ['winner::str', 'loser::str', 'score::str', 'venue::str'],
    },
    axes: { sport: ['football', 'tennis', 'swimming'], mood: ['positive', 'negative', 'neutral'] },
  },
  {
    name: 'Bug report',
    text: lines(
      'Title: Export to CSV drops the last row when the file is larger than 64 KB',
      '',
      'Version: 4.12.1 on Ubuntu 24.04, Firefox 131',
      'Steps: 1. Open the report "Monthly totals". 2. Click Export > CSV. 3. Count the lines with wc -l.',
      'Expected: 1,201 lines. Actual: 1,200 lines, the last record is missing.',
      'The log shows "WARN writer: flush after close" once for every export. It works in 4.11.8. This blocks our accountants, who have',
      'to paste the row by hand every month.',
    ),
    labels: ['bug report', 'feature request', 'question', 'praise'],
    entities: ['software', 'version', 'file format'],
    schema: {
      bug: [
        'version::str',
        'operating_system::str',
        'expected_lines::int',
        'actual_lines::int',
        'severity::[blocker|minor]::str',
      ],
    },
    axes: { severity: ['high', 'low'], component: ['export', 'login', 'search'] },
  },
  {
    name: 'Obituary',
    text: lines(
      'Edith Maria Sorrel, who taught three generations of children in Lower Wexham to read, died peacefully at home on 2 February at the',
      'age of 91. Born in Cork in 1933, she came to England at nineteen to train as a teacher and stayed for the hills. She founded the',
      'village library in a disused signal box and ran it every Saturday for forty years. She is survived by her sister Una, two sons and',
      'five grandchildren. The family asks for donations to the library instead of flowers.',
    ),
    labels: ['death notice', 'wedding', 'job advertisement', 'crime'],
    entities: ['person', 'location', 'age', 'date'],
    schema: {
      person: ['name::str', 'age::int', 'born_in::str::place of birth', 'profession::str'],
    },
    axes: { tone: ['sad', 'angry', 'joyful'] },
  },
  {
    name: 'Lease',
    text: lines(
      'This lease is made between Northgate Homes GmbH (“the Landlord”) and Jonas Petersen (“the Tenant”). 1. The Landlord lets to the',
      'Tenant the flat on the second floor of 18 Mill Lane, Ashbourne DE6 1AA, from 1 September 2025 for a fixed term of twelve months.',
      '2. The monthly rent is £1,150, payable in advance on the first day of each month to IBAN GB29 NWBK 6016 1331 9268 19. 3. The Tenant',
      'shall pay a deposit of £1,500. 4. Pets are not allowed without written consent. 5. Either party may end the lease with two months’ notice',
      'after the fixed term.',
    ),
    labels: ['contract', 'news', 'advertisement', 'poem'],
    entities: ['landlord', 'tenant', 'address', 'price'],
    schema: {
      lease: [
        'landlord::str',
        'tenant::str',
        'start::date',
        'monthly_rent::float',
        'deposit::float',
        'pets_allowed::bool',
      ],
    },
    axes: { kind: ['residential', 'commercial'] },
  },
  {
    name: 'Lab result',
    text: lines(
      'Patient: Amara Diallo   DOB: 12/07/1984   MRN: 00482913',
      'Collected: 2025-05-06 08:15   Physician: Dr. H. Lindgren',
      'Haemoglobin      10.2 g/dL     (12.0-15.5)  LOW',
      'Ferritin          6 ng/mL      (15-150)     LOW',
      'White cells       6.1 10^9/L   (4.0-11.0)',
      'Comment: Findings are consistent with iron deficiency anaemia. Suggest ferrous sulfate 200 mg twice daily and a repeat count in eight weeks.',
    ),
    labels: ['medical', 'financial', 'legal', 'sports'],
    entities: ['person', 'medication', 'disease', 'date'],
    schema: {
      measurement: ['name::str::what was measured', 'value::float', 'unit::str'],
      patient: ['name::str', 'date_of_birth::date'],
    },
    axes: { result: ['normal', 'abnormal'] },
  },
  {
    name: 'Chat',
    text: lines(
      'Priya: are we still on for friday??',
      'Leo: yes! 7pm at the thai place on Grove Street',
      'Priya: perfect. can u book? my number is 07700 900461 if they ask',
      'Leo: done, table for 4. Sam and Ines are coming too',
      'Priya: ugh Sam still owes me 20 quid lol',
      'Leo: haha I will remind him 😂',
    ),
    labels: ['making plans', 'complaint', 'job interview', 'news'],
    entities: ['person', 'location', 'time', 'phone number'],
    schema: { meeting: ['day::str', 'time::str', 'place::str', 'people::int::table for how many'] },
    axes: { mood: ['friendly', 'hostile'] },
  },
  {
    name: 'Product page',
    text: lines(
      'TrailLite 45 Women’s Backpack – now €89.95 (was €119.00)',
      'Weighs just 980 g yet carries like a big pack. The mesh back keeps you cool, the rain cover hides in the lid, and the hip belt has',
      'two pockets for snacks and your phone. 45 litres, recycled nylon, colours: moss green, slate, rust. Free delivery over €50, 60 days to',
      'send it back. 4.7 stars from 312 hikers. Add to basket!',
    ),
    labels: ['shopping', 'outdoor recreation', 'politics', 'cooking'],
    entities: ['product', 'price', 'colour', 'weight'],
    schema: {
      product: [
        'name::str',
        'price::float',
        'weight_g::int',
        'colours::list',
        'free_delivery::bool',
        'category::[backpack|tent|boots]::str',
      ],
    },
    axes: { intent: ['sell something', 'ask for help'] },
  },
  {
    name: 'CV',
    text: lines(
      'MIREILLE FONTAINE',
      'Data engineer · Lyon, France · mireille.fontaine@example.org · +33 6 39 98 12 45 · github.com/mfontaine',
      '',
      'EXPERIENCE',
      '2021–now  Senior Data Engineer, Hexaline SAS: moved 40 nightly jobs to streaming with Kafka and Flink',
      '2017–2021 Software Engineer, Banque du Rhône: Python services for fraud detection',
      'EDUCATION',
      'MSc Computer Science, INSA Lyon, 2017',
      'LANGUAGES French (native), English (fluent), Spanish (basic)',
    ),
    labels: ['resume', 'invoice', 'recipe', 'news article'],
    entities: ['person', 'company', 'email', 'programming language', 'university'],
    schema: {
      candidate: ['name::str', 'email::str', 'phone::str', 'city::str', 'languages::list'],
      job: ['title::str', 'employer::str', 'start::int::year of beginning'],
    },
    axes: { seniority: ['senior', 'junior'] },
  },
  {
    name: 'Poem',
    text: lines(
      'The tide forgets the names we write,',
      'the gull forgets the crumbs,',
      'but still the lamp is lit each night',
      'for nobody who comes.',
      '',
      'I keep the kettle near the flame,',
      'two cups, a broken chair;',
      'the wind pronounces half your name',
      'and leaves it in the air.',
    ),
    labels: ['poetry', 'weather report', 'manual', 'news'],
    entities: ['person', 'animal', 'object'],
    schema: { poem: ['title::str', 'author::str'] },
    axes: { feeling: ['longing', 'triumph', 'disgust'] },
  },
  {
    name: 'German news',
    text: lines(
      'Der Stadtrat von Lindenau hat am Dienstag mit knapper Mehrheit beschlossen, die alte Straßenbahnlinie 7 bis 2028 wieder aufzubauen. Die',
      'Kosten von rund 62 Millionen Euro teilen sich Stadt und Land. Oberbürgermeisterin Katrin Vogelsang sprach von einem „Tag der Vernunft“.',
      'Die Opposition kritisierte, dass der Busverkehr während der Bauzeit eingeschränkt werde. Händler in der Poststraße fürchten Einbußen.',
    ),
    labels: ['local politics', 'sports', 'cooking', 'science'],
    entities: ['person', 'location', 'amount of money', 'date'],
    schema: { project: ['what::str', 'cost::str', 'city::str', 'year::int'] },
    axes: { topic: ['public transport', 'health', 'sports'] },
  },
  {
    name: 'Spanish invoice',
    text: lines(
      'FACTURA N.º 2025-0417        Fecha: 3 de abril de 2025',
      'Emisor: Talleres Aranda S.L., CIF B12345674, Calle Mayor 12, 28013 Madrid',
      'Cliente: Lucía Ferrer Gómez, DNI 12345678Z, lucia.ferrer@correo.example',
      'Cambio de aceite y filtro ........ 89,00 €',
      'Pastillas de freno delanteras .... 142,50 €',
      'Base imponible 231,50 €   IVA 21 % 48,62 €   TOTAL 280,12 €',
      'Pago por transferencia a ES91 2100 0418 4502 0005 1332 antes del 30/04/2025.',
    ),
    labels: ['invoice', 'love letter', 'complaint', 'recipe'],
    entities: ['company', 'person', 'address', 'price'],
    schema: {
      invoice: ['number::str', 'date::date', 'total::float', 'customer::str::cliente', 'iban::str'],
    },
    axes: { sector: ['car repair', 'restaurant', 'insurance'] },
  },
  {
    name: 'Code with keys in it',
    text: lines(
      '# deploy.py',
      'import os, boto3',
      'AWS_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"',
      'AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"',
      'DB_URL = "postgres://admin:hunter2-Winter@10.20.30.40:5432/orders"',
      '',
      'def upload(path, bucket="nightly-backups"):',
      '    """Uploads a file and returns its ETag."""',
      '    client = boto3.client("s3", aws_access_key_id=AWS_ACCESS_KEY_ID, aws_secret_access_key=AWS_SECRET_ACCESS_KEY)',
      '    with open(path, "rb") as f:',
      '        return client.put_object(Bucket=bucket, Key=os.path.basename(path), Body=f)["ETag"]',
      '# TODO(maria): retry on 503',
    ),
    labels: ['source code', 'email', 'poem', 'contract'],
    entities: ['programming language', 'ip address', 'api key', 'function'],
    schema: { database: ['user::str', 'host::str', 'port::int'] },
    axes: { language: ['python', 'javascript', 'rust'] },
  },
  {
    name: 'Nearly empty',
    text: 'ok',
    labels: ['agreement', 'refusal'],
    entities: ['person', 'location'],
    schema: { reply: ['answer::str'] },
    axes: { sentiment: ['positive', 'negative', 'neutral'] },
  },
  {
    name: 'All caps',
    text: lines(
      'WARNING: DO NOT OPEN THIS PANEL WHILE THE PUMP IS RUNNING. HIGH VOLTAGE MAY CAUSE SEVERE INJURY OR DEATH. DISCONNECT THE POWER AND WAIT FIVE',
      'MINUTES BEFORE SERVICING. ONLY TRAINED STAFF OF KELLER HYDRAULICS MAY REPLACE THE FUSE. CALL +1 (415) 555-0132 IN AN EMERGENCY.',
    ),
    labels: ['safety warning', 'love letter', 'sports', 'advertisement'],
    entities: ['company', 'phone number', 'duration'],
    schema: { notice: ['company::str', 'phone::str', 'wait_minutes::int'] },
    axes: { urgency: ['urgent', 'not urgent'] },
  },
  {
    name: 'OCR noise',
    text: lines(
      'lnvoice N0. 7731   Dafe: l2.O3.2024',
      'Bi1l to: Mr. Har0ld Wimple, 9 Qu een Str., Bath BA1 2HN',
      'ltem              Qty   Pr1ce',
      'Oak tab1e          1    £ 340.OO',
      'Dining cha1r       4    £ 2l6.00',
      'T0tal due: £ 556.00  p1ease pay within 3O days',
    ),
    labels: ['invoice', 'news', 'recipe', 'chat'],
    entities: ['person', 'product', 'address', 'price'],
    schema: {
      invoice: ['number::str', 'customer::str', 'total::float'],
      item: ['name::str', 'quantity::int'],
    },
    axes: { kind: ['bill', 'letter'] },
  },
  {
    name: 'List of numbers',
    text: '12.4 13.1 12.9 14.8 15.2 15.0 16.3 17.7 17.1 18.9 20.4 19.8 21.2 22.0',
    labels: ['measurements', 'story', 'conversation'],
    entities: ['person', 'number'],
    schema: { series: ['first::float', 'values::list'] },
    axes: { trend: ['rising', 'falling'] },
  },
  {
    name: 'Mixed languages',
    text: lines(
      'Hola team, quick update: el cliente quiere den Bericht bis Freitag, and honestly je pense que c’est faisable. Bitte schickt mir die',
      'Zahlen von Q3 before tomorrow noon. Gracias! – Chiara Bianchi, Project Lead, Torino',
    ),
    labels: ['work', 'family', 'sports', 'cooking'],
    entities: ['person', 'location', 'date', 'job title'],
    schema: { task: ['what::str', 'deadline::str', 'sender::str'] },
    axes: { urgency: ['urgent', 'can wait'] },
  },
  {
    name: 'Emoji',
    text: '🎉🎉 We did it!!! 10k downloads in ONE day 🚀 so so grateful to everyone who tested the beta ❤️🙏 pizza for the whole team tonight 🍕',
    labels: ['joy', 'anger', 'sadness', 'fear'],
    entities: ['food', 'number'],
    schema: { milestone: ['downloads::str', 'food::str'] },
    axes: { sentiment: ['positive', 'negative', 'neutral'] },
  },
];
