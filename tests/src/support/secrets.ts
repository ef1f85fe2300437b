/** Secrets that were planted, everything that the platform wrote or said, and whether the one is found in the other. */

export interface Planted {
  /** What it is, for messages. */
  readonly kind: string;
  readonly value: string;
  /** Places whose business it is to show it, such as the one answer to who made it. */
  readonly mayStandIn?: (place: string) => boolean;
}

/** True for what a server can know for a secret by its form alone. */
export function looksSecret(value: string): boolean {
  return /^(zgpu-[a-z]+-|whsec_)\w/.test(value);
}

/**
 * A place where somebody reads back what they themselves have just sent. Of what looks like a secret not even that:
 * answers end up in their logs.
 */
export const ECHO = ' (to who sent it)';
/** The bodies of a project's own requests, which it keeps by its own choice and shows to its own people. */
export const KEPT_BODY = ' (kept body)';

export interface Leak {
  readonly kind: string;
  readonly place: string;
  /** `as written`, `in hexadecimal`, … */
  readonly form: string;
  /** What stands around it, without it. */
  readonly around: string;
}

/** A shorter one would be found by accident. */
const MIN_LENGTH = 8;
const AROUND = 60;

export class Witness {
  readonly #planted: Planted[] = [];
  readonly #texts: { readonly place: string; readonly text: string }[] = [];

  /** @returns the secret */
  plant(kind: string, value: string, mayStandIn?: Planted['mayStandIn']): string {
    if (value.length < MIN_LENGTH) throw new Error(`The ${kind} is too short to be looked for`);
    this.#planted.push({ kind, value, ...(mayStandIn === undefined ? {} : { mayStandIn }) });
    return value;
  }

  saw(place: string, text: string): void {
    this.#texts.push({ place, text });
  }

  get places(): readonly string[] {
    return this.#texts.map(({ place }) => place);
  }

  /** So far. */
  get planted(): readonly Planted[] {
    return [...this.#planted];
  }

  /** Every secret in every place where it has no business. */
  leaks(): Leak[] {
    return this.#planted.flatMap(({ kind, value, mayStandIn }) => {
      const forms = formsOf(value);
      return this.#texts
        .filter(({ place }) => !mayStandIn?.(place) && !place.endsWith(KEPT_BODY))
        .filter(({ place }) => !place.endsWith(ECHO) || looksSecret(value))
        .flatMap(({ place, text }) => leaksIn(forms, text).map((leak) => ({ kind, place, ...leak })));
    });
  }
}

interface Form {
  readonly form: string;
  readonly text: string;
}

function leaksIn(forms: readonly Form[], text: string): Omit<Leak, 'kind' | 'place'>[] {
  const found = forms.find((form) => text.includes(form.text));
  if (found === undefined) return [];
  const at = text.indexOf(found.text);
  const before = text.slice(Math.max(0, at - AROUND), at);
  const after = text.slice(at + found.text.length, at + found.text.length + AROUND);
  return [{ form: found.form, around: `${before}[…]${after}` }];
}

/** Ways in which a text may be written without being hidden. */
export function formsOf(secret: string): Form[] {
  const bytes = Buffer.from(secret);
  const forms: Form[] = [
    { form: 'as written', text: secret },
    { form: 'in JSON', text: JSON.stringify(secret).slice(1, -1) },
    { form: 'in an address', text: encodeURIComponent(secret) },
    { form: 'in hexadecimal', text: bytes.toString('hex') },
    { form: 'in hexadecimal', text: bytes.toString('hex').toUpperCase() },
    ...[0, 1, 2].flatMap((offset) => inBase64(bytes, offset)),
  ];
  return forms;
}

/** Wherever it begins in a longer text: the letters that its neighbours have a part in are left out. */
function inBase64(bytes: Buffer, offset: number): Form[] {
  const whole = Buffer.concat([Buffer.alloc(offset), bytes]);
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor((whole.length * 8) / 6);
  const text = whole.toString('base64').slice(from, to);
  const url = text.replaceAll('+', '-').replaceAll('/', '_');
  return [
    { form: 'in base64', text },
    { form: 'in base64url', text: url },
  ];
}
