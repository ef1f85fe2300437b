/** A tar archive, gzipped, whose bytes depend on nothing but its content: no times, no owners, no machine. */
import { gzipSync } from 'node:zlib';

export interface Entry {
  readonly content: string | Buffer;
  readonly executable: boolean;
}

const BLOCK = 512;
/** npm sets every file's time to this one, since some tools refuse 1970. */
const TIME_SECONDS = 499_162_500;
/** Where the gzip header names the system that wrote it; 255 is "unknown". */
const GZIP_SYSTEM_AT = 9;

/** @param entries by path, at most 100 bytes of ASCII each */
export function tarGz(entries: ReadonlyMap<string, Entry>): Buffer {
  const blocks = [...entries].flatMap(([name, entry]) => fileBlocks(name, entry));
  const archive = gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]), { level: 9 });
  archive[GZIP_SYSTEM_AT] = 255;
  return archive;
}

function fileBlocks(name: string, { content, executable }: Entry): Buffer[] {
  const bytes = Buffer.from(content);
  const padding = (BLOCK - (bytes.length % BLOCK)) % BLOCK;
  return [header(name, bytes.length, executable), bytes, Buffer.alloc(padding)];
}

/** POSIX.1-1988 (ustar). */
function header(name: string, size: number, executable: boolean): Buffer {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new Error(`"${name}" is no path for an archive`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) =>
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  block.write(name, 0, 'latin1');
  octal(executable ? 0o755 : 0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(TIME_SECONDS, 136, 11);
  block.fill(' ', 148, 156);
  block.write('0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
