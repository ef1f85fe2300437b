/** What a node said, read. Of it only the fields that are known here are kept: what else stands in a frame costs nobody anything. */
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { findManifest } from '@zerogpu/catalogue';
import { type AnnouncedModel, type Hello, NodeFrame } from '@zerogpu/protocol';
import type { RawData } from 'ws';

const frames = TypeCompiler.Compile(NodeFrame);

const KNOWN_TYPES: ReadonlySet<unknown> = new Set(
  NodeFrame.anyOf.map(({ properties }) => properties.type.const),
);

/** A frame whose type this gateway does not know is one of a newer node: it is no offence, and means nothing here. */
export function readFrame(data: RawData): NodeFrame | 'of another time' | null {
  let value: unknown;
  try {
    value = JSON.parse(String(data));
  } catch {
    return null;
  }
  if (frames.Check(value)) return knownOf(value);
  const { type } = Object(value);
  return typeof type === 'string' && !KNOWN_TYPES.has(type) ? 'of another time' : null;
}

/** All others are read at once and kept nowhere. */
function knownOf(frame: NodeFrame): NodeFrame {
  if (frame.type === 'hello') return helloOf(frame);
  if (frame.type === 'load') return { ...frame, models: modelsOf(frame.models) };
  if (frame.type === 'alive') return { type: 'alive', nonce: frame.nonce ?? '' };
  return frame;
}

/** What a node says of itself, as people will read it. */
function helloOf({ capabilities, ...hello }: Hello): Hello {
  const { type, publicKey, signature, name, agent, models, protocols, software, joinToken } = hello;
  const { cores, memoryBytes, platform, timeZone, deviceClass, runtimes, place } = capabilities;
  return {
    type,
    ...(protocols && { protocols: { oldest: protocols.oldest, newest: protocols.newest } }),
    ...(software === undefined ? {} : { software: plain(software) }),
    publicKey,
    signature,
    ...(joinToken === undefined ? {} : { joinToken }),
    name: plain(name),
    agent: plain(agent),
    capabilities: {
      cores,
      memoryBytes,
      platform: plain(platform),
      timeZone: plain(timeZone),
      ...(deviceClass && { deviceClass }),
      ...(runtimes && { runtimes: runtimes.map(plain) }),
      ...(place && { place: { latitude: place.latitude, longitude: place.longitude } }),
    },
    models: modelsOf(models),
  };
}

/** Only what the catalogue knows, since another version gives other answers; of what is told twice, the last. */
function modelsOf(models: readonly AnnouncedModel[]): AnnouncedModel[] {
  const known = new Map<string, AnnouncedModel>();
  for (const { id, version, slots, resident, speed } of models) {
    if (findManifest(id)?.version !== version) continue;
    const told = speed && { speed: { baseMs: speed.baseMs, perThousandMs: speed.perThousandMs } };
    known.set(id, { id, version, slots, resident, ...told });
  }
  return [...known.values()];
}

/** Without what moves a terminal's cursor, hides text in it, or cannot be stored. */
export function plain(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
