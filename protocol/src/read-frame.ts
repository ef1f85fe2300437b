import { Value } from '@sinclair/typebox/value';
import { GatewayFrame } from './frames.ts';

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
