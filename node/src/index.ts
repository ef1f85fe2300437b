/** The edge node's core: no platform in it, so that a browser can run it as a server does. */
export { backoffDelay } from './backoff.ts';
export { EdgeNode, type EdgeNodeEnd, type EdgeNodeOptions } from './edge-node.ts';
export { type DeviceKey, type Identity, identityOf, makeDeviceKey, readDeviceKey } from './identity.ts';
export type { Connect, Transport, TransportEvents } from './transport.ts';
