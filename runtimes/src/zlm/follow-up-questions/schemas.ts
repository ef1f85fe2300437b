/** Questions with slots and the conditions under which they may be asked, as `follow-up-questions.tsv` has them. */
import { termOf } from '../terms.ts';
import type { Slots } from './slots.ts';

export interface Schema {
  /** Questions of one aspect ask about the same thing in other words. */
  readonly aspect: string;
  /** What it is bound to: `clause`, `claim`, a type of noun phrase, `text`, `topic`. */
  readonly scope: string;
  /** All must hold; one of the alternatives of each; `!` negates; `~` wants a word of the text. */
  readonly conditions: readonly (readonly string[])[];
  /** Terms that mean that the text answers it already. */
  readonly answeredBy: readonly string[];
  readonly template: string;
}

/** The schemas by scope. */
export function readSchemas(lines: readonly string[]): ReadonlyMap<string, readonly Schema[]> {
  const schemas = new Map<string, Schema[]>();
  for (const line of lines) {
    const [aspect = '', scope = '', when = '', unless = '', templates = ''] = line.split('\t');
    const conditions = when === '' ? [] : when.split(' ').map(readCondition);
    const answeredBy = unless === '' ? [] : unless.split(',').map(termOf);
    const own = templates
      .split(' | ')
      .map((template) => ({ aspect, scope, conditions, answeredBy, template }));
    schemas.set(scope, [...(schemas.get(scope) ?? []), ...own]);
  }
  return schemas;
}

function readCondition(condition: string): string[] {
  return condition.split('|').map((fact) => (fact.startsWith('~') ? `~${termOf(fact.slice(1))}` : fact));
}

/** Do the facts allow the question, and does the text leave it open? */
export function mayAsk(schema: Schema, facts: ReadonlySet<string>, terms: ReadonlySet<string>): boolean {
  for (const alternatives of schema.conditions)
    if (!alternatives.some((fact) => holds(fact, facts, terms))) return false;
  return !schema.answeredBy.some((term) => terms.has(term));
}

function holds(condition: string, facts: ReadonlySet<string>, terms: ReadonlySet<string>): boolean {
  if (condition.startsWith('~')) return terms.has(condition.slice(1));
  return condition.startsWith('!') ? !facts.has(condition.slice(1)) : facts.has(condition);
}

const SLOT = /\{([^{}]{1,12})\}/g;

/** The question with its slots filled and its first letter a capital; null when a slot has nothing to fill it. */
export function fill(template: string, slots: Slots): string | null {
  let complete = true;
  const text = template.replace(SLOT, (_, name: string) => {
    const value = Object.hasOwn(slots, name) ? slots[name]! : '';
    if (value === '') complete = false;
    return value;
  });
  return complete ? capitalize(text.replaceAll("s's ", "s' ")) : null;
}

function capitalize(text: string): string {
  const first = text.charCodeAt(0);
  return first >= 0x61 && first <= 0x7a ? String.fromCharCode(first - 32) + text.slice(1) : text;
}
