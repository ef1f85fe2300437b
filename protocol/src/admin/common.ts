/** What the schemas of the admin API share. Field names are snake_case, times ISO 8601 in UTC, money decimal text. */
import { type TSchema, Type } from '@sinclair/typebox';
import { formatDollars, type NanoDollars } from '../units.ts';

export const Uuid = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: 'a UUID in lower case',
});
export const Time = Type.String({
  format: 'date-time',
  description: 'a time such as 2026-11-21T17:05:00.000Z',
});
export const Name = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'a string of 1 to 100 characters',
});

/**
 * US dollars as a decimal number in a string, exact to the nano-dollar: JSON numbers are not. `"5.00"`, `"-0.0000224"`.
 */
export const Dollars = Type.String({
  pattern: '^-?\\d{1,12}(\\.\\d{1,9})?$',
  description: 'dollars as a decimal number in a string, such as "12.50"',
});

/** `"5.00"`: how the admin API writes an amount. */
export function dollarsText(nanos: NanoDollars): string {
  return formatDollars(nanos).replace('$', '');
}

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** A page of a list. `next` goes into `after` for the page behind it; null on the last. */
export const listOf = <T extends TSchema>(item: T) =>
  Type.Object({ object: Type.Literal('list'), data: Type.Array(item), next: nullable(Type.String()) });

/** The query of a list: at most `limit` items behind the one that `after` stands for. */
export const paging = {
  limit: Type.Optional(
    Type.String({ pattern: '^[1-9]\\d{0,2}$', description: 'a number from 1 to 999; 50 unless told' }),
  ),
  after: Type.Optional(Type.String({ maxLength: 512, description: 'the `next` of the page before' })),
};
