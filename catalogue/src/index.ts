export { findManifest, MANIFESTS } from './manifests.ts';
