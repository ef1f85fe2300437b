/** How long the disk takes to keep a promise: nothing durable is faster. */
import { closeSync, fdatasyncSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { percentile } from './statistics.ts';

export interface DiskSync {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const PAGE = Buffer.alloc(8_192, 1);
const PAGES = 256;

/** Writes pages into a file of full length, each with `fdatasync`, as PostgreSQL does with its log. */
export function measureDiskSync(folder: string): DiskSync {
  const name = path.join(folder, 'disk-sync');
  const file = openSync(name, 'w');
  try {
    for (let page = 0; page < PAGES; page++) writeSync(file, PAGE);
    fsyncSync(file);
    const times = [];
    for (let page = 0; page < PAGES; page++) {
      const start = performance.now();
      writeSync(file, PAGE, 0, PAGE.length, page * PAGE.length);
      fdatasyncSync(file);
      times.push(performance.now() - start);
    }
    return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
  } finally {
    closeSync(file);
    unlinkSync(name);
  }
}
