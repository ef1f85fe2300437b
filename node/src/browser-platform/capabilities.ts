import type { Hello, Place } from '@zerogpu/protocol';

/** What browsers tell of a device, all of it optional somewhere. */
interface Told {
  readonly deviceMemory?: number;
  readonly userAgentData?: { readonly platform?: string };
}

/** Of a device that does not say: a phone of the cheaper kind. */
const ASSUMED_GIB = 2;
const GIB = 1024 ** 3;

/** What a page or worker knows of its device. Browsers round memory, and tell it only to pages that came with TLS. */
export function capabilitiesHere(runtimes: readonly string[], place: Place | null): Hello['capabilities'] {
  const { deviceMemory = ASSUMED_GIB, userAgentData }: Told = Object(navigator);
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return {
    // Worker threads beside this one are not used: the models work one after the other.
    cores: Math.min(4096, Math.max(1, navigator.hardwareConcurrency || 1)),
    memoryBytes: Math.round(deviceMemory * GIB),
    platform: `browser-${userAgentData?.platform || 'unknown'}`.slice(0, 64),
    timeZone: timeZone.slice(0, 64),
    deviceClass: 'browser',
    runtimes: [...runtimes],
    ...(place === null ? {} : { place }),
  };
}
