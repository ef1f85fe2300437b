/** Ways of running models, behind one interface. */
export {
  type FileSource,
  type LoadedModel,
  ModelInputError,
  type Piece,
  type RunEnd,
  type Runtime,
} from './runtime.ts';
export { WeightsError } from './zlm/weights.ts';
export { WEIGHTS_FILE, zlm } from './zlm/zlm.ts';
