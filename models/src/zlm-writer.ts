/** Writes ZLM1 weight containers from TypeScript; `models/python/zlm_format.py` does the same. Layout: the runtime's weights.ts. */
import { crc32 } from 'node:zlib';

type Tensor = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Float32Array | string;

const MAGIC = 0x314d_4c5a;
const FORMAT_VERSION = 1;
const ALIGNMENT = 16;

interface Head {
  readonly model: string;
  readonly version: string;
  readonly meta: Readonly<Record<string, unknown>>;
}

interface Shaped {
  readonly data: Tensor;
  /** The data's length when absent. */
  readonly shape?: readonly number[];
}

/** The bytes of a container; tensors keep their order. */
export function weightsBytes(head: Head, tensors: Readonly<Record<string, Shaped>>): Uint8Array {
  const entries: object[] = [];
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    const bytes = bytesOf(data);
    entries.push({
      name,
      dtype: dtypeOf(data),
      shape: shape ?? [data instanceof Uint8Array || typeof data !== 'string' ? data.length : bytes.length],
      offset,
      bytes: bytes.length,
    });
    const padded = alignUp(bytes.length);
    parts.push(bytes, new Uint8Array(padded - bytes.length));
    offset += padded;
  }
  // Nothing may follow the last tensor's bytes.
  parts.pop();
  const header = new TextEncoder().encode(JSON.stringify({ ...head, tensors: entries }));
  const frame = new Uint8Array(alignUp(12 + header.length));
  const view = new DataView(frame.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, FORMAT_VERSION, true);
  view.setUint32(8, header.length, true);
  frame.set(header, 12);
  const body = Buffer.concat([frame, ...parts]);
  const check = Buffer.alloc(4);
  check.writeUInt32LE(crc32(body));
  return Buffer.concat([body, check]);
}

function bytesOf(data: Tensor): Uint8Array {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function dtypeOf(data: Tensor): string {
  if (typeof data === 'string') return 'utf8';
  if (data instanceof Int8Array) return 'i8';
  if (data instanceof Uint8Array) return 'u8';
  if (data instanceof Int16Array) return 'i16';
  if (data instanceof Uint16Array) return 'u16';
  return data instanceof Int32Array ? 'i32' : 'f32';
}

function alignUp(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
