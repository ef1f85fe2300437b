/** What the owner of this device chose on the page. Kept in the browser, in `localStorage`. */
import type { Place } from '@zerogpu/protocol';

export interface Settings {
  /** Goes on serving when the page is opened again. */
  readonly serving: boolean;
  readonly name: string;
  /** Of one core's time: a tenth to all of it. */
  readonly cpuShare: number;
  readonly memoryMb: number;
  readonly storageMb: number;
  /** Ids of models that the device does not offer; so a new model is offered. */
  readonly refusedModels: readonly string[];
  readonly keepAwake: boolean;
  /** Given by the browser with permission, rounded; null when it was not. */
  readonly place: Place | null;
}

/** All built-in models together are counted as 384 MB of memory and have 34 MB of files. */
export const MEMORY_CHOICES_MB = [64, 128, 256, 512, 1024] as const;
export const STORAGE_CHOICES_MB = [32, 64, 128, 256, 1024] as const;
const MAX_NAME = 128;
const MAX_REFUSED = 256;

export function defaultSettings(name: string): Settings {
  return {
    serving: false,
    name,
    cpuShare: 1,
    memoryMb: 512,
    storageMb: 128,
    refusedModels: [],
    keepAwake: false,
    place: null,
  };
}

/** What is kept may be of another version, or of somebody's hand: each wrong part gets its default. */
export function readSettings(text: string | null, name: string): Settings {
  const defaults = defaultSettings(name);
  const kept = parsed(text);
  const refused = Array.isArray(kept['refusedModels']) ? kept['refusedModels'] : [];
  return {
    serving: kept['serving'] === true,
    name: nameOf(kept['name']) ?? name,
    cpuShare: numberIn(kept['cpuShare'], 0.1, 1) ?? defaults.cpuShare,
    memoryMb: MEMORY_CHOICES_MB.find((choice) => choice === kept['memoryMb']) ?? defaults.memoryMb,
    storageMb: STORAGE_CHOICES_MB.find((choice) => choice === kept['storageMb']) ?? defaults.storageMb,
    refusedModels: refused.filter((id) => typeof id === 'string').slice(0, MAX_REFUSED),
    keepAwake: kept['keepAwake'] === true,
    place: placeOf(kept['place']),
  };
}

/** Rounded to a tenth of a degree, some ten kilometres: enough to be near, and no address. */
export function roundedPlace(latitude: number, longitude: number): Place {
  const rounded = (degrees: number) => Math.round(degrees * 10) / 10;
  return { latitude: rounded(latitude), longitude: rounded(longitude) };
}

function parsed(text: string | null): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text ?? ''));
  } catch {
    return {};
  }
}

function nameOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, MAX_NAME) : null;
}

function numberIn(value: unknown, min: number, max: number): number | null {
  return typeof value === 'number' && value >= min && value <= max ? value : null;
}

function placeOf(value: unknown): Place | null {
  const given = Object(value);
  const latitude = numberIn(given.latitude, -90, 90);
  const longitude = numberIn(given.longitude, -180, 180);
  return latitude === null || longitude === null ? null : roundedPlace(latitude, longitude);
}
