import type { Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { CatalogueModel, GatewayFrame, type Welcome } from './frames.ts';

/** More models than a catalogue has. */
const MAX_CATALOGUE = 256;

/** The gateway's frame in a message, or null when it is none; interprets the schema, so it works where `eval` is forbidden. */
export function readGatewayFrame(message: string): GatewayFrame | null {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return null;
  }
  return Value.Check(GatewayFrame, value) ? value : null;
}

/** The models of a gateway's catalogue that a welcome tells of; those in words of another time are left out. */
export function catalogueModels(welcome: Static<typeof Welcome>): CatalogueModel[] {
  const told: unknown[] = Array.isArray(welcome.models) ? welcome.models.slice(0, MAX_CATALOGUE) : [];
  return told.filter((model) => Value.Check(CatalogueModel, model));
}
