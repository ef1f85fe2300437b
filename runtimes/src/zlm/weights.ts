/**
 * The `ZLM1` weight container:
 *
 *     'ZLM1' │ u32 format version │ u32 header length │ header, JSON in UTF-8 │ padding │ tensors │ u32 CRC-32
 *
 * Everything is little-endian. The data starts at the first multiple of 16 after the header; each tensor starts at
 * a multiple of 16 from there, in the order of the header, with zeros between. The CRC covers every byte before it.
 * `models/python/zlm_format.py` writes it.
 */

export const FORMAT_VERSION = 1;

const MAGIC = 0x314d_4c5a;
const PREFIX_BYTES = 12;
const CRC_BYTES = 4;
const ALIGNMENT = 16;
/** Far more than any model of ours has; bounds the work on a hostile header. */
const MAX_TENSORS = 4096;
const MAX_RANK = 8;

const ELEMENT_BYTES = { i8: 1, u8: 1, i16: 2, u16: 2, i32: 4, f32: 4, utf8: 1 } as const;

export type Dtype = keyof typeof ELEMENT_BYTES;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** From the start of the data. */
  readonly offset: number;
  readonly bytes: number;
}

/** The file is not a readable ZLM1 container; the message says what is wrong with it. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}

interface Arrays {
  i8: Int8Array<ArrayBuffer>;
  u8: Uint8Array<ArrayBuffer>;
  i16: Int16Array<ArrayBuffer>;
  u16: Uint16Array<ArrayBuffer>;
  i32: Int32Array<ArrayBuffer>;
  f32: Float32Array<ArrayBuffer>;
}

/**
 * The tensors of one model. Numeric tensors are views on the file's bytes, row-major; do not write to them.
 * Where a shape is given, it is checked (-1 accepts any size); a tensor that is absent or of another type or
 * shape is a WeightsError.
 */
export class Weights {
  readonly model: string;
  readonly version: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorEntry[];
  /** Size of the file, which is also what the views keep in memory. */
  readonly bytes: number;
  readonly #data: Uint8Array<ArrayBuffer>;
  readonly #byName: Map<string, TensorEntry>;

  constructor(header: Header, data: Uint8Array<ArrayBuffer>, bytes: number) {
    this.model = header.model;
    this.version = header.version;
    this.meta = header.meta;
    this.tensors = header.tensors;
    this.bytes = bytes;
    this.#data = data;
    this.#byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  i8(name: string, shape?: readonly number[]): Arrays['i8'] {
    const { buffer, byteOffset, length } = this.#locate(name, 'i8', shape);
    return new Int8Array(buffer, byteOffset, length);
  }

  u8(name: string, shape?: readonly number[]): Arrays['u8'] {
    const { buffer, byteOffset, length } = this.#locate(name, 'u8', shape);
    return new Uint8Array(buffer, byteOffset, length);
  }

  i16(name: string, shape?: readonly number[]): Arrays['i16'] {
    const { buffer, byteOffset, length } = this.#locate(name, 'i16', shape);
    return new Int16Array(buffer, byteOffset, length);
  }

  u16(name: string, shape?: readonly number[]): Arrays['u16'] {
    const { buffer, byteOffset, length } = this.#locate(name, 'u16', shape);
    return new Uint16Array(buffer, byteOffset, length);
  }

  i32(name: string, shape?: readonly number[]): Arrays['i32'] {
    const { buffer, byteOffset, length } = this.#locate(name, 'i32', shape);
    return new Int32Array(buffer, byteOffset, length);
  }

  f32(name: string, shape?: readonly number[]): Arrays['f32'] {
    const { buffer, byteOffset, length } = this.#locate(name, 'f32', shape);
    return new Float32Array(buffer, byteOffset, length);
  }

  /** @throws WeightsError when the tensor is absent, of another type, or not valid UTF-8 */
  text(name: string): string {
    const { buffer, byteOffset, length } = this.#locate(name, 'utf8');
    return decodeUtf8(new Uint8Array(buffer, byteOffset, length), `tensor "${name}"`);
  }

  /** The lines of a text tensor; none when it is empty. */
  lines(name: string): string[] {
    const text = this.text(name);
    return text === '' ? [] : text.split('\n');
  }

  shapeOf(name: string): readonly number[] {
    return this.#entry(name).shape;
  }

  #entry(name: string): TensorEntry {
    const entry = this.#byName.get(name);
    if (!entry) throw new WeightsError(`Model "${this.model}" has no tensor "${name}"`);
    return entry;
  }

  #locate(name: string, dtype: Dtype, shape?: readonly number[]) {
    const entry = this.#entry(name);
    if (entry.dtype !== dtype) {
      throw new WeightsError(`Tensor "${name}" is ${entry.dtype}, and ${dtype} was expected`);
    }
    if (shape && !fits(entry.shape, shape)) {
      throw new WeightsError(`Tensor "${name}" has shape [${entry.shape}], and [${shape}] was expected`);
    }
    return {
      buffer: this.#data.buffer,
      byteOffset: this.#data.byteOffset + entry.offset,
      length: entry.bytes / ELEMENT_BYTES[dtype],
    };
  }
}

function fits(shape: readonly number[], expected: readonly number[]): boolean {
  return (
    shape.length === expected.length && expected.every((size, axis) => size === -1 || size === shape[axis])
  );
}

interface Header {
  readonly model: string;
  readonly version: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorEntry[];
}

/**
 * @param bytes a whole file; kept, not copied, when it starts at a multiple of 16 in its buffer
 * @throws WeightsError when the file is truncated, damaged, of another format version, or inconsistent
 */
export function readWeights(bytes: Uint8Array): Weights {
  requireLittleEndian();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = checkFrame(view);
  const header = parseHeader(
    decodeUtf8(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes), 'the header'),
  );
  const start = alignUp(PREFIX_BYTES + headerBytes);
  checkLayout(header.tensors, bytes.byteLength - CRC_BYTES - start);
  return new Weights(header, aligned(bytes).subarray(start, bytes.byteLength - CRC_BYTES), bytes.byteLength);
}

/** Typed arrays read in the machine's order; every engine that we run on is little-endian, and this says so. */
function requireLittleEndian(): void {
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
    throw new WeightsError('ZLM1 weights need a little-endian machine');
  }
}

/** Checks magic, version, lengths and CRC; returns the header's length. */
function checkFrame(view: DataView): number {
  if (view.byteLength < PREFIX_BYTES + CRC_BYTES) {
    throw new WeightsError(`File is truncated: ${view.byteLength} bytes are not even a header`);
  }
  if (view.getUint32(0, true) !== MAGIC) throw new WeightsError('Not a ZLM1 weight file');
  const version = view.getUint32(4, true);
  if (version !== FORMAT_VERSION) {
    throw new WeightsError(`File has format version ${version}, and this reader knows ${FORMAT_VERSION}`);
  }
  const headerBytes = view.getUint32(8, true);
  if (alignUp(PREFIX_BYTES + headerBytes) + CRC_BYTES > view.byteLength) {
    throw new WeightsError('File is truncated: the header does not fit');
  }
  const end = view.byteLength - CRC_BYTES;
  if (view.getUint32(end, true) !== crc32(new Uint8Array(view.buffer, view.byteOffset, end))) {
    throw new WeightsError('File is truncated or damaged: the checksum does not match');
  }
  return headerBytes;
}

function parseHeader(text: string): Header {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new WeightsError('The header is not valid JSON');
  }
  if (!isRecord(header)) throw new WeightsError('The header is not a JSON object');
  const { model, version, meta, tensors } = header;
  if (typeof model !== 'string' || typeof version !== 'string') {
    throw new WeightsError('The header names no model and version');
  }
  if (!isRecord(meta)) throw new WeightsError("The header's meta is not a JSON object");
  if (!Array.isArray(tensors) || tensors.length > MAX_TENSORS) {
    throw new WeightsError(`The header's tensors are not a list of at most ${MAX_TENSORS}`);
  }
  return { model, version, meta, tensors: tensors.map(parseTensor) };
}

function parseTensor(tensor: unknown, index: number): TensorEntry {
  if (!isRecord(tensor) || typeof tensor['name'] !== 'string') {
    throw new WeightsError(`Tensor ${index} has no name`);
  }
  const { name, dtype, shape, offset, bytes } = tensor;
  if (!isDtype(dtype)) throw new WeightsError(`Tensor "${name}" has unknown type "${String(dtype)}"`);
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isSize)) {
    throw new WeightsError(`Tensor "${name}" has no valid shape`);
  }
  if (!isSize(offset) || !isSize(bytes)) throw new WeightsError(`Tensor "${name}" has no valid place`);
  let expected: number = ELEMENT_BYTES[dtype];
  for (const size of shape) expected *= size;
  if (expected !== bytes) {
    throw new WeightsError(`Tensor "${name}" has ${bytes} bytes, and its shape [${shape}] needs ${expected}`);
  }
  return { name, dtype, shape, offset, bytes };
}

/** @param length bytes between the start of the data and the CRC */
function checkLayout(tensors: readonly TensorEntry[], length: number): void {
  let end = 0;
  const names = new Set<string>();
  for (const { name, offset, bytes } of tensors) {
    if (names.has(name)) throw new WeightsError(`Tensor "${name}" is there twice`);
    names.add(name);
    if (offset % ALIGNMENT !== 0) throw new WeightsError(`Tensor "${name}" is not aligned`);
    if (offset < end) throw new WeightsError(`Tensor "${name}" overlaps the one before it`);
    end = offset + bytes;
    if (end > length) throw new WeightsError(`Tensor "${name}" runs out of the file`);
  }
  if (end !== length) throw new WeightsError(`File has ${length - end} bytes that belong to no tensor`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(ELEMENT_BYTES, value);
}

function alignUp(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function aligned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.byteOffset % ALIGNMENT === 0 && bytes.buffer instanceof ArrayBuffer) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return new Uint8Array(bytes);
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new WeightsError(`Cannot read ${what}: not valid UTF-8`);
  }
}

const CRC_TABLE = new Uint32Array(256).map((_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  return crc;
});

/** CRC-32 of IEEE 802.3, as in zip and in Python's `zlib.crc32`. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffff_ffff) >>> 0;
}
