/** Words for the fleet: whose devices, of what kind, where, and how far a text may go. */

/**
 * Whose devices a node belongs to. An organization's, the operator's own and the operator's fallback (cloud) are vouched
 * for by whoever gave the join token; those of strangers (public) earn trust by answers that are checked.
 */
export const NODE_POOLS = ['organization', 'operator', 'public', 'cloud'] as const;
export type NodePool = (typeof NODE_POOLS)[number];

/** What kind of device a node runs on; a browser is one whatever the device. */
export const DEVICE_CLASSES = ['server', 'desktop', 'phone', 'browser'] as const;
export type DeviceClass = (typeof DEVICE_CLASSES)[number];

/**
 * How far a project's texts may go: to any admitted node (public); to the organization's nodes, then the operator's (own,
 * the default); to the operator's cloud nodes alone (cloud).
 */
export const PRIVACY_TIERS = ['public', 'own', 'cloud'] as const;
export type PrivacyTier = (typeof PRIVACY_TIERS)[number];

/** Degrees; north and east are positive. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/**
 * What tells the place of a node, the surest first: people, the device, the address of its socket, its time zone; or
 * nothing, so that it is taken to be where its gateway is.
 */
export const PLACE_SOURCES = ['given', 'device', 'address', 'time_zone', 'gateway'] as const;
export type PlaceSource = (typeof PLACE_SOURCES)[number];
