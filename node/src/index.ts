/** The edge node's core: no platform in it, so that a browser can run it as a server does. */
export { backoffDelay } from './backoff.ts';
export { EdgeNode, type EdgeNodeEnd, type EdgeNodeOptions } from './edge-node.ts';
export { type DeviceKey, type Identity, identityOf, makeDeviceKey, readDeviceKey } from './identity.ts';
export { MemoryStore } from './memory-store.ts';
export { type FileWishes, ModelFiles, type ModelFilesOptions } from './model-files.ts';
export { checkedSha256, type ModelStore, type StoredFile, StoreFull, WrongHash } from './model-store.ts';
export type {
  ConnectionStatus,
  CpuStatus,
  ModelStatus,
  NodeStatus,
  Notice,
  PauseReason,
  RunCounts,
} from './node-status.ts';
export { printable } from './printable.ts';
export { sha256Hex } from './sha256.ts';
export type { MeasuredSpeed, Speed, SpeedCache } from './speed.ts';
export type { Connect, Transport, TransportEvents } from './transport.ts';
