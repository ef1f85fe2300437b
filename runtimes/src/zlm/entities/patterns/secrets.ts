/** What opens doors: keys, tokens, passwords, wallets. */
import { before, type CuedRule, type Match, type Rule, sent } from './rule.ts';
import { isBase58Address, isBech32Address } from './wallets.ts';

/** Capitals, small letters and digits mixed as only chance does. */
function isRandom(value: string): boolean {
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(value)).length;
  let changes = 0;
  for (let i = 1; i < value.length; i++)
    if (kindOf(value.charCodeAt(i)) !== kindOf(value.charCodeAt(i - 1))) changes++;
  return kinds >= 2 && changes * 6 >= value.length;
}

function kindOf(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return 0;
  if (unit >= 0x61 && unit <= 0x7a) return 1;
  return unit >= 0x41 && unit <= 0x5a ? 2 : 3;
}

const wallet = (score: number) => (match: Match) => (isBase58Address(sent(match)) ? score : 0);

export const SECRET_RULES: readonly Rule[] = [
  {
    label: 'api key',
    pattern:
      /(?<![a-z0-9])(?:sk-(?:proj-|ant-|or-|live-|test-)?[a-z0-9_-]{16,200}|[srp]k_(?:live|test)_[a-z0-9]{10,100}|whsec_[a-z0-9]{16,80}|gh[pousr]_[a-z0-9]{20,255}|github_pat_[a-z0-9_]{20,255}|glpat-[a-z0-9_-]{16,64}|xox[abeoprs]-[a-z0-9-]{10,200}|xapp-[a-z0-9-]{20,200}|(?:akia|asia|aida|aroa)[a-z2-7]{16}|aiza[a-z0-9_-]{30,45}|ya29\.[a-z0-9_-]{20,300}|goc?spx-[a-z0-9_-]{20,60}|sg\.[a-z0-9_-]{16,32}\.[a-z0-9_-]{30,60}|key-[0-9a-f]{32}|npm_[a-z0-9]{30,50}|pypi-[a-z0-9_-]{40,255}|do[opr]_v1_[0-9a-f]{40,80}|shp(?:at|ca|pa|ss)_[0-9a-f]{32}|sq0(?:atp|csp)-[a-z0-9_-]{20,50}|eaaa[a-z0-9]{20,120}|hf_[a-z0-9]{20,60}|r8_[a-z0-9]{30,50}|gsk_[a-z0-9]{20,80}|zgpu-[a-z]{2,8}-[a-z0-9_-]{16,100}|pat[a-z0-9]{14}\.[0-9a-f]{40,80}|lin_api_[a-z0-9]{30,60}|dapi[0-9a-f]{32}|hvs\.[a-z0-9_-]{20,200}|atatt3[a-z0-9_=-]{20,250}|age-secret-key-1[a-z0-9]{58}|sntrys_[a-z0-9_+/=-]{20,300}|pk\.eyj[a-z0-9_-]{20,300}\.[a-z0-9_-]{10,100})(?![a-z0-9])/g,
    score: (match) => (/\d/.test(match.value.slice(4)) ? 0.98 : 0),
  },
  {
    label: 'api key',
    pattern: /(?<![a-z0-9])eyj[a-z0-9_-]{8,2000}\.eyj[a-z0-9_-]{4,4000}\.[a-z0-9_-]{0,1000}/g,
    score: 0.98,
  },
  { label: 'api key', pattern: /(?<![\w:])\d{8,10}:aa[a-z0-9_-]{32,34}(?![a-z0-9_-])/g, score: 0.97 },
  {
    label: 'api key',
    pattern:
      /-----begin [a-z0-9 ]{0,30}private key(?: block)?-----[a-z0-9+/=\s:,.-]{1,8000}?-----end [a-z0-9 ]{0,30}private key(?: block)?-----/g,
    score: 0.99,
  },
  { label: 'api key', pattern: /ssh-(?:rsa|ed25519|dss) aaaa[a-z0-9+/=]{40,2000}/g, score: 0.9 },
  {
    label: 'username',
    pattern: /(?<=:\/\/)[^\s:/@"'<>]{1,80}(?=:[^\s:/@"'<>]{2,100}@[a-z0-9])/g,
    score: 0.97,
  },
  { label: 'password', pattern: /(?<=:\/\/[^\s:/@]{1,80}:)[^\s:/@"'<>]{2,100}(?=@[a-z0-9])/g, score: 0.99 },
  {
    label: 'crypto wallet',
    pattern: /(?<![a-z0-9])[13lmdtx39][1-9a-z]{25,33}(?![a-z0-9])/g,
    score: wallet(0.98),
  },
  {
    label: 'crypto wallet',
    pattern: /(?<![a-z0-9])(?:bc1|tb1|ltc1)[02-9ac-hj-np-z]{11,71}(?![a-z0-9])/g,
    score: ({ value }) => (isBech32Address(value) ? 0.99 : 0),
  },
  { label: 'crypto wallet', pattern: /(?<![a-z0-9])0x[0-9a-f]{40}(?![a-z0-9])/g, score: 0.95 },
  {
    label: 'crypto wallet',
    pattern:
      /(?<![a-z0-9])(?:addr1[02-9ac-hj-np-z]{50,110}|cosmos1[02-9ac-hj-np-z]{38}|r[1-9a-z]{24,34})(?![a-z0-9])/g,
    score: (match) =>
      /ripple|xrp|wallet|address|cardano|cosmos/.test(before(match, 40)) && isRandom(sent(match)) ? 0.85 : 0,
  },
];

const PASSWORD_STOPS =
  /^(?:is|was|the|a|an|and|or|must|should|has|have|not|to|for|of|in|on|at|be|can|will|may|required|optional|invalid|incorrect|wrong|expired|reset|change|changed|changes|protected|forgotten|forgot|policy|policies|manager|field|string|null|none|nil|undefined|true|false|self|text|hash|hashed|hashing|prompt|str|char|value|input|here|your|my|his|her|our|their|it|this|that|with|from|via|by|if|when|der|die|das|ein|eine|und|oder|ist|nicht|vergessen|zurucksetzen|andern|falsch|oublie|le|la|les|un|une|et|ou|pas|de|du|el|los|las|y|o|no|es|incorrecta|olvidada|e|il|lo|gli|non|os|um|uma|nao|esta|sera|errata|too|very|so|strong|weak|secure|safe|good|empty|same|only|also|now|ok|correct|known|unknown)$/;

/** After a colon any word, after "is" what has a digit or a sign, and never what stands for a password itself. */
function passwordScore(match: Match): number {
  const { value } = match;
  if (PASSWORD_STOPS.test(value.replace(/[.,;:!?]$/, '')) || /^([*•x.#_-])\1*$/.test(value)) return 0;
  if (
    /^(?:<|\$\{|\{\{|%|\(|process\.|os\.|env\.|self\.|this\.|request\.|req\.|config\.|settings\.|user\.|get)/.test(
      value,
    )
  )
    return 0;
  if (/\($/.test(value) || /^[a-z_]+\.[a-z_]+\(/.test(value)) return 0;
  const gap = before(match, 6);
  if (/["'`]$/.test(gap)) return value.length >= 3 ? 0.93 : 0;
  const isMixed =
    /\d/.test(value) || /[^a-z0-9]/.test(value.replace(/[.,;:!?)]$/, '')) || /[a-z][A-Z]/.test(sent(match));
  if (/[:=] {0,3}$/.test(gap)) return isMixed ? 0.95 : 0.75;
  return isMixed && value.length >= 4 ? 0.85 : 0;
}

function keyScore(match: Match): number {
  const value = sent(match);
  if (/^(?:0x)?0+$|^([*x.#-])\1*$/.test(match.value) || !/\d/.test(value) || value.length < 12) return 0;
  return isRandom(value) || /^[0-9a-f-]{24,}$/.test(match.value) ? 0.92 : 0;
}

const SECRET_FILLER =
  /(?:[ ]{1,2}(?:wi-?fi|wlan|para|for|fur|del?|du|di|da|do)(?![a-z0-9]))?[ ]{0,2}(?:(?:is|was|ist|lautet|es|est|e|era|are|for [a-z0-9 ._-]{1,24}|fur [a-z0-9 ._-]{1,24}|bearer|basic|token)(?![a-z0-9])[ ]{0,2})?(?:["'`]?[ ]{0,2}(?:[:=]|=>|->|:=)[ ]{0,2}(?:\r?\n)?|[ ])(?:(?:bearer|basic|token) )?["'`([<]{0,2}/y;

export const CUED_SECRETS: readonly CuedRule[] = [
  {
    label: 'password',
    cue: /(?<![a-z])(?:(?:[a-z]{1,16}[_-])?pass(?:word|wd|code|phrase|wort)s?|pwd|pw(?=[:= ])|psw|kennwort|losungswort|mot de passe|mdp|contrasena|clave(?: (?:de acceso|secreta))?|parola d'ordine|senha|palavra-passe|palavra passe|pin(?:-?code|-?nummer)?|otp|one-time code|verification code|wifi key|wlan-?schlussel)(?![a-z0-9])/g,
    value: /(?<=["'`])[^"'`\n]{3,64}(?=["'`])|[^\s"'`<>,;|\][]{3,64}(?<![.,;:)}])/y,
    filler: SECRET_FILLER,
    score: passwordScore,
  },
  {
    label: 'api key',
    cue: /(?<![a-z])(?:(?:[a-z0-9]{1,20}[ _-]){0,3}(?:api[ _-]?(?:key|token|secret)|(?:access|auth|secret|private|client|service|session|refresh|bearer|app|account|encryption|signing|consumer)[ _-]?(?:key|token|secret)(?:[ _-]?(?:id|key))?)|apikey|secret|token|bearer|authorization|api-?schlussel|zugriffsschlussel|cle (?:d')?api|clave (?:de )?api|chiave api|chave (?:de |da )?api|jeton|aws_secret_access_key)(?![a-z0-9])/g,
    value: /[a-z0-9](?:[a-z0-9_+/=.~-]){10,500}(?<![.,])/y,
    filler: SECRET_FILLER,
    score: keyScore,
  },
  {
    label: 'crypto wallet',
    cue: /(?<![a-z])(?:(?:bitcoin|btc|ethereum|eth|litecoin|ltc|dogecoin|solana|sol|crypto|usdt|tron|monero|xmr|wallet)(?:[ -]?(?:wallet|address|adresse|cartera|portefeuille|portafoglio|carteira|direccion|endereco|indirizzo))?)(?![a-z0-9])/g,
    value: /[a-z0-9]{26,106}(?![a-z0-9])/y,
    score: (match) => (isRandom(sent(match)) ? 0.85 : 0),
  },
];
