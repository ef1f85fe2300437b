/** Texts with marked names, made from templates. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface Marked {
  readonly text: string;
  readonly spans: readonly {
    readonly start: number;
    readonly end: number;
    readonly type: 'person' | 'organization' | 'place' | 'street';
  }[];
}

export interface Template {
  readonly language: string;
  readonly text: string;
}

export type Random = () => number;

export function readTemplates(
  file = path.join(import.meta.dirname, '../../data/pii-templates.txt'),
): Template[] {
  const rows = readFileSync(file, 'utf8').split('\n');
  return rows.flatMap((row) => {
    const [language = '', text = ''] = row.split('\t');
    return language.length === 2 ? [{ language, text }] : [];
  });
}

const TYPES = {
  per: 'person',
  first: 'person',
  last: 'person',
  org: 'organization',
  place: 'place',
  street: 'street',
} as const;

/** The hand-written lists hold each language on a line of its own; slots draw from all. */
export class Generator {
  readonly #names: ReadonlyMap<string, readonly string[]>;
  readonly #random: Random;

  constructor(names: ReadonlyMap<string, readonly string[]>, random: Random) {
    this.#names = names;
    this.#random = random;
  }

  fill({ language, text }: Template): Marked {
    const spans: Marked['spans'][number][] = [];
    let made = '';
    let from = 0;
    for (const match of text.matchAll(/\{([a-zA-Z]+)\}/g)) {
      made += text.slice(from, match.index);
      from = match.index + match[0].length;
      const slot = match[1] ?? '';
      const start = made.length;
      made += this.#slot(slot, language);
      if (isName(slot)) spans.push({ start, end: made.length, type: TYPES[slot] });
    }
    return { text: made + text.slice(from), spans };
  }

  #slot(slot: string, language: string): string {
    switch (slot) {
      case 'per':
        return this.#person();
      case 'first':
        return this.#first();
      case 'last':
        return this.#last();
      case 'org':
        return this.#organization(language);
      case 'place':
        return this.#place();
      case 'street':
        return this.#street(language);
      case 'role':
        return this.#role(language);
      case 'Role': {
        const role = this.#role(language);
        return role.charAt(0).toUpperCase() + role.slice(1);
      }
      case 'prod':
        return this.#pick(PRODUCTS);
      default:
        return this.#other(slot);
    }
  }

  #role(language: string): string {
    return this.#pick(ROLES[language] ?? ROLES['en']!);
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  #of(kind: string): string {
    return this.#pick(this.#names.get(kind) ?? ['']);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #first(): string {
    return this.#chance(0.12) ? this.#invented() : this.#of('first');
  }

  #last(): string {
    return this.#chance(0.25) ? this.#invented() : this.#of('surname');
  }

  #person(): string {
    const first = this.#first();
    const last = this.#last();
    const form = this.#random();
    if (form < 0.62) return `${first} ${last}`;
    if (form < 0.7) return `${first} ${this.#pick([...'ABCDEFGHJKLMPRSTW'])}. ${last}`;
    if (form < 0.76) return `${first} ${this.#first()} ${last}`;
    if (form < 0.86) return `${first} ${last} ${this.#last()}`;
    if (form < 0.9) return `${first} ${last}-${this.#last()}`;
    if (form < 0.94)
      return `${first} ${this.#pick(['von', 'van der', 'de', 'de la', 'da', 'dos', 'di', 'Mc', 'Del', 'De'])} ${last}`;
    if (form < 0.97) return `${first.charAt(0)}. ${last}`;
    return `${last} ${first}`;
  }

  /** A name that no list has. */
  #invented(): string {
    const count = 2 + Math.floor(this.#random() * 2);
    let name = '';
    for (let i = 0; i < count; i++) {
      name += this.#pick([
        'b',
        'br',
        'ch',
        'd',
        'f',
        'g',
        'gr',
        'h',
        'j',
        'k',
        'kr',
        'l',
        'm',
        'n',
        'p',
        'r',
        's',
        'sch',
        'st',
        't',
        'tr',
        'v',
        'w',
        'z',
        '',
      ]);
      name += this.#pick(['a', 'e', 'i', 'o', 'u', 'ie', 'au', 'ei', 'ou', 'é', 'ö']);
      name += this.#pick(['', '', 'n', 'r', 'l', 's', 'm', 'ck', 'tt', 'nd']);
    }
    return (
      name.charAt(0).toUpperCase() +
      name.slice(1) +
      this.#pick(['', '', 'er', 'son', 'ini', 'ez', 'eau', 'mann', 'ski', 'inho', 'a', 'ova'])
    );
  }

  #place(): string {
    const form = this.#random();
    if (form < 0.5) return this.#of('city');
    if (form < 0.65) return this.#of('country');
    if (form < 0.74) return this.#of('region');
    if (form < 0.82) {
      const before = this.#pick([
        'Port',
        'New',
        'Lake',
        'East',
        'North',
        'South',
        'West',
        'Fort',
        'Saint',
        'San',
        'Santa',
        'Bad',
        'Villa',
        'Monte',
      ]);
      return `${before} ${this.#chance(0.5) ? this.#first() : this.#invented()}`;
    }
    return (
      this.#invented() +
      this.#pick([
        '',
        '',
        '',
        'burg',
        'ville',
        'ton',
        'stadt',
        'heim',
        ' del Mar',
        'field',
        ' Beach',
        'ingen',
        '-sur-Mer',
        ' City',
        'ano',
        ' Velha',
        ' Falls',
        ' Creek',
        ' Heights',
        ' Springs',
        'mouth',
        'bury',
        'borough',
        'by',
        'rup',
        'lilla',
      ])
    );
  }

  #organization(language: string): string {
    const form = this.#random();
    if (form < 0.35) return this.#of('org');
    const name = this.#chance(0.5) ? this.#last() : this.#invented();
    if (form < 0.75)
      return `${name}${this.#pick(['', ` ${this.#pick(FIELDS[language] ?? FIELDS['en']!)}`])} ${this.#pick(FORMS[language] ?? FORMS['en']!)}`;
    if (form < 0.79 && language === 'en') return `${name}, ${this.#last()} and ${this.#last()}`;
    if (form < 0.84)
      return `${name} ${this.#pick(['&', '&', 'and', 'und', 'et', 'y', 'e'])} ${this.#pick([this.#last(), 'Sons', 'Co.', 'Partners', 'Söhne', 'Fils', 'Hijos', 'Figli', 'Filhos'])}`;
    return this.#pick(BODIES[language] ?? BODIES['en']!).replace(
      '*',
      this.#chance(0.6) ? this.#of('city') : this.#last(),
    );
  }

  #number(most: number): number {
    return 1 + Math.floor(this.#random() * most);
  }

  #street(language: string): string {
    const name = this.#chance(0.5)
      ? this.#last()
      : this.#pick([
          'Main',
          'Oak',
          'Park',
          'Church',
          'Station',
          'Berliner',
          'Bahnhof',
          'Schiller',
          'Victor Hugo',
          'Mayor',
          'San Juan',
          'Garibaldi',
          'Roma',
          'Augusta',
          'das Flores',
          'de la Paix',
          'de la República',
          'Haupt',
          'Linden',
        ]);
    const number = `${this.#number(250)}${this.#chance(0.1) ? this.#pick(['a', 'B', ' bis', '-12']) : ''}`;
    if (this.#chance(0.22)) return this.#foreignStreet(name, number);
    switch (language) {
      case 'de':
        return `${name}${this.#pick(['straße', 'str.', 'weg', ' Straße', 'platz', 'allee', 'gasse', 'ring'])} ${number}`;
      case 'fr':
        return `${number}${this.#pick([' ', ', '])}${this.#pick(['rue', 'avenue', 'boulevard', 'place', 'chemin', 'impasse', 'allée', 'quai'])} ${this.#pick(['', 'de ', 'du ', 'des ', 'de la '])}${name}`;
      case 'es':
        return `${this.#pick(['Calle', 'C/', 'Avenida', 'Avda.', 'Plaza', 'Paseo', 'calle'])} ${this.#pick(['', 'de ', 'del '])}${name}${this.#pick([', ', ' ', ', nº '])}${number}`;
      case 'it':
        return `${this.#pick(['Via', 'Viale', 'Piazza', 'Corso', 'Largo', 'via'])} ${this.#pick(['', 'di ', 'della '])}${name}${this.#pick([', ', ' ', ' n. '])}${number}`;
      case 'pt':
        return `${this.#pick(['Rua', 'Avenida', 'Av.', 'Travessa', 'Praça', 'Alameda', 'rua'])} ${this.#pick(['', 'de ', 'do ', 'da ', 'dos '])}${name}${this.#pick([', ', ' ', ', nº '])}${number}`;
      default:
        return `${this.#number(9999)} ${this.#pick(['', '', 'N. ', 'West '])}${name} ${this.#pick(['Street', 'St', 'St.', 'Avenue', 'Ave', 'Road', 'Rd', 'Lane', 'Drive', 'Dr', 'Court', 'Blvd', 'Way', 'Place', 'Crescent'])}${this.#pick(['', '', '', ' Apt 4', ', Suite 200'])}`;
    }
  }

  /** Streets of countries whose language the texts are not in, which stand in them all the same. */
  #foreignStreet(name: string, number: string): string {
    const suffix = this.#pick([
      'gade',
      'gatan',
      'vej',
      'veien',
      'straat',
      'laan',
      'katu',
      'tie',
      'väg',
      'straße',
      'weg',
      'gasse',
      ' utca',
      ' u.',
      'plein',
      'götu',
      ' Strada',
      ' Caddesi',
      '',
    ]);
    const prefix = this.#pick([
      'ul. ',
      'ulica ',
      'Rua ',
      'Rue ',
      'Via ',
      'Calle ',
      'Strada ',
      'Str. ',
      'C. ',
      '',
    ]);
    if (this.#chance(0.3))
      return `${number} ${name}${this.#pick(['', ' Hill', ' Creek', ' Park', ' Cove', ' Mews', ' Plains', ' Point', ' Valley', ' Springs', suffix])}`;
    return this.#chance(0.6) ? `${name}${suffix} ${number}` : `${prefix}${name} ${number}`;
  }

  #other(slot: string): string {
    switch (slot) {
      case 'phone':
        return this.#pick([
          '+1 212 555 0199',
          '(415) 555-2671',
          '030 1234567',
          '06 12 34 56 78',
          '612 345 678',
          '+39 333 1234567',
          '555-0134',
        ]);
      case 'email':
        return this.#pick(['info@example.com', 'anna.b@mail.de', 'jsmith82@web.org']);
      case 'date':
        return this.#pick([
          '2019',
          '12 March 2020',
          '03.05.2021',
          '1998',
          'May 4',
          '12/11/2022',
          '2023-01-15',
          '5 de mayo',
          '7 juin 2018',
        ]);
      case 'zip':
        return this.#pick([
          '10115',
          '75001',
          '28013',
          '00184',
          '1000-205',
          '94301',
          'SW1A 1AA',
          '01310-100',
          '60614',
        ]);
      default:
        return String(this.#number(99));
    }
  }
}

const ROLES: Readonly<Record<string, readonly string[]>> = {
  en: 'coach,striker,captain,minister,goalkeeper,midfielder,defender,winger,manager,president,mayor,governor,senator,spokesman,spokeswoman,director,chairman,chairwoman,chief executive,prime minister,judge,lawyer,singer,actor,author,professor,detective,inspector,sergeant,analyst,neighbour,driver,witness,colleague,teammate,prosecutor,historian'.split(
    ',',
  ),
  de: 'Trainer,Trainerin,Minister,Ministerin,Bürgermeister,Oberbürgermeisterin,Kanzler,Staatssekretär,Sprecherin,Präsident,Präsidentin,Torwart,Stürmer,Kapitän,Richter,Richterin,Autor,Schauspielerin,Sängerin,Geschäftsführer,Direktorin,Professor,Anwalt,Nachbarin,Kollege'.split(
    ',',
  ),
  fr: 'entraîneur,ministre,maire,président,présidente,capitaine,attaquant,gardien,directeur,directrice,juge,avocat,avocate,chanteuse,acteur,porte-parole,professeur,député,sénatrice,auteur'.split(
    ',',
  ),
  es: 'delantero,entrenador,ministro,ministra,alcalde,alcaldesa,presidente,presidenta,capitán,portero,director,directora,juez,abogada,cantante,actor,portavoz,profesora,diputado,autor'.split(
    ',',
  ),
  it: 'allenatore,ministro,ministra,sindaco,sindaca,presidente,capitano,attaccante,portiere,direttore,direttrice,giudice,avvocato,cantante,attore,portavoce,professoressa,deputato,autore'.split(
    ',',
  ),
  pt: 'treinador,ministro,ministra,prefeito,presidente,capitão,atacante,avançado,goleiro,diretor,diretora,juiz,advogada,cantora,ator,porta-voz,professora,deputado,autor'.split(
    ',',
  ),
};
/** What stands before a number, or with a capital, and is no name of ours. */
const PRODUCTS =
  'Firefox,Chrome,Safari,Edge,Android,Windows,Ubuntu,Debian,Fedora,macOS,iPhone,iPad,Galaxy S,Pixel,PlayStation,Kafka,Flink,Spark,Python,Java,Kotlin,Docker,Kubernetes,Postgres,MySQL,Redis,Excel,Word,PowerPoint,Outlook,Photoshop,Node,React,Angular,Django,Terraform,Jenkins,Jira,Git,Linux,Bluetooth,Raspberry Pi,Civic,Corolla,Golf,Polo,Clio,Corsa,Model'.split(
    ',',
  );

const FORMS: Readonly<Record<string, readonly string[]>> = {
  en: ['Inc.', 'Inc', 'Ltd', 'Ltd.', 'LLC', 'Corp.', 'Corporation', 'Group', 'PLC', 'Holdings', 'Company'],
  de: ['GmbH', 'AG', 'GmbH & Co. KG', 'KG', 'e.V.', 'UG', 'SE', 'Gruppe'],
  fr: ['SARL', 'SA', 'SAS', 'S.A.', 'et Fils', 'Groupe'],
  es: ['S.A.', 'S.L.', 'SL', 'SA', 'S.L.U.', 'Grupo'],
  it: ['S.p.A.', 'SpA', 'S.r.l.', 'Srl', 'SRL', 'SNC', 'Gruppo'],
  pt: ['Lda', 'Lda.', 'Ltda.', 'Ltda', 'S.A.', 'SA', 'ME'],
};
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  en: [
    'Technologies',
    'Solutions',
    'Systems',
    'Consulting',
    'Insurance',
    'Foods',
    'Media',
    'Energy',
    'Motors',
    'Capital',
    'Partners',
    'Logistics',
  ],
  de: ['Maschinenbau', 'Versicherung', 'Bau', 'Software', 'Elektrotechnik', 'Logistik', 'Immobilien'],
  fr: ['Assurances', 'Conseil', 'Transports', 'Bâtiment', 'Énergie', 'Immobilier'],
  es: ['Seguros', 'Construcciones', 'Transportes', 'Consultores', 'Energía', 'Inmobiliaria'],
  it: ['Assicurazioni', 'Costruzioni', 'Trasporti', 'Consulenza', 'Energia', 'Immobiliare'],
  pt: ['Seguros', 'Construções', 'Transportes', 'Consultoria', 'Energia', 'Imobiliária'],
};
const BODIES: Readonly<Record<string, readonly string[]>> = {
  en: [
    'University of *',
    '* University',
    '* General Hospital',
    'Bank of *',
    '* City Council',
    '* High School',
    '* Police Department',
    'St. Mary Hospital',
    '* United',
    '* Airlines',
    'Museum of Modern Art',
    'First National Bank',
    '* Times',
    "Saint *'s Hospital",
    'Ministry of Transport',
    'Department of Health',
    'National Bureau of Statistics',
    '* Elementary School',
    '* Pharmaceuticals',
    '* Steelworks',
    '* Hydraulics',
    '* Plumbing',
    '* Foundation',
    '* Brothers',
    '* Credit Union',
    'Court of Appeal',
    'High Court',
    '* & Company',
    '* Bakery',
    '* Rovers',
    '* Medical Center',
    '* Institute of Technology',
  ],
  de: [
    'Universität *',
    'Klinikum *',
    'Stadtwerke *',
    'Sparkasse *',
    'Technische Universität *',
    'Amtsgericht *',
    'FC *',
    'Stadtsparkasse *',
    'Landratsamt *',
    'Bundesamt für Statistik',
    'Ministerium für Verkehr',
    '*-Gymnasium',
    'Autohaus *',
    'Bäckerei *',
    'Volksbank *',
    'Hochschule *',
    'Gymnasium *',
  ],
  fr: [
    'Université de *',
    'Hôpital de *',
    'Mairie de *',
    'Lycée *',
    'Banque de *',
    'Clinique *',
    'Préfecture de *',
    'Institut *',
    'Assurances *',
    'Boulangerie *',
    'Ministère des Transports',
    'Crédit Mutuel de *',
    'Groupe *',
  ],
  es: [
    'Universidad de *',
    'Hospital *',
    'Ayuntamiento de *',
    'Banco de *',
    'Clínica *',
    'Instituto *',
    'Real *',
    'Colegio *',
    'Grupo *',
    'Hermanos *',
    'Talleres *',
    'Caja de *',
    'Ministerio de Sanidad',
  ],
  it: [
    'Università di *',
    'Ospedale *',
    'Comune di *',
    'Banca di *',
    'Politecnico di *',
    'Istituto *',
    'Liceo *',
    'Gruppo *',
    'Fratelli *',
    'Cassa di Risparmio di *',
    'Panificio *',
    'Ministero della Salute',
  ],
  pt: [
    'Universidade de *',
    'Hospital *',
    'Câmara Municipal de *',
    'Banco *',
    'Prefeitura de *',
    'Instituto *',
    'Colégio *',
    'Grupo *',
    'Irmãos *',
    'Padaria *',
    'Caixa de *',
    'Ministério da Saúde',
  ],
};

function isName(slot: string): slot is keyof typeof TYPES {
  return Object.hasOwn(TYPES, slot);
}
