/**
 * Loaded into a gateway before its own code, where a test may mount no small disk: writes of its file system find as
 * little room as a note says, which a test changes at any time. What counts is each file by itself; without the note
 * there is room.
 */
import { readFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const NOTE = process.env['ZEROGPU_TEST_ROOM'];
const opened = promises.open;

/** Bytes that a file may have; null where there is no bound. */
function room(): number | null {
  try {
    return Number(readFileSync(NOTE ?? '', 'utf8'));
  } catch {
    return null;
  }
}

const noRoom = () =>
  Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });

promises.open = async (...args: Parameters<typeof opened>) => {
  const file = await opened(...args);
  const append = file.appendFile.bind(file);
  file.appendFile = async (data, options) => {
    const most = room();
    if (most !== null && (await file.stat()).size + Buffer.byteLength(data as Uint8Array) > most)
      throw noRoom();
    return await append(data, options);
  };
  return file;
};
syncBuiltinESMExports();
