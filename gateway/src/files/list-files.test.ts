import { newId } from '@zerogpu/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CallerRequest } from '../caller-route.ts';
import { type FileRow, shownFile } from '../storage/file.ts';
import type { FileStore, ListQuestion } from './file-store.ts';
import { listFiles } from './list-files.ts';

const AT = new Date(Date.UTC(2030, 0, 1));
const ROWS: readonly FileRow[] = Array.from({ length: 1_000 }, () => ({
  id: newId('file'),
  project_id: 'p',
  purpose: 'batch' as const,
  filename: 'a "name".jsonl',
  bytes: '7',
  is_error: false,
  created_at: AT,
  expires_at: AT,
})).sort((a, b) => (a.id < b.id ? 1 : -1));

/** The newest so many of them, and how many were asked for each time. */
function store(many: number) {
  const limits: number[] = [];
  const list: FileStore['list'] = async (_, { after, limit }: ListQuestion) => {
    limits.push(limit);
    return ROWS.slice(0, many)
      .filter(({ id }) => after === null || id < after)
      .slice(0, limit);
  };
  return { limits, list };
}

async function answered(files: Pick<FileStore, 'list'>, query: string): Promise<unknown> {
  const request = { query: new URLSearchParams(query), caller: {}, now: 0 } as CallerRequest;
  const answer = await listFiles(files, request);
  if (answer.kind === 'json') return answer.body;
  return JSON.parse(Buffer.concat(await answer.stream.map(Buffer.from).toArray()).toString());
}

it('says the same however long it is, and never reads more than some hundred rows at once', async () => {
  const many = fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.constantFrom(199, 200, 201, 400, 401));
  const limit = fc.oneof(fc.integer({ min: 1, max: 1_100 }), fc.constantFrom(199, 200, 201, 400, 401));
  await fc.assert(
    fc.asyncProperty(many, limit, async (all, most) => {
      const files = store(all);
      const data = ROWS.slice(0, Math.min(all, most)).map(shownFile);
      expect(await answered(files, `limit=${most}`)).toEqual({
        object: 'list',
        data,
        first_id: data[0]?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
        has_more: all > most,
      });
      expect(Math.max(...files.limits)).toBeLessThanOrEqual(201);
    }),
    { numRuns: 200 },
  );
});

it('ends where those that were to come are gone meanwhile', async () => {
  const files = store(500);
  const list: FileStore['list'] = async (scope, asked, now) =>
    asked.after === null ? files.list(scope, asked, now) : [];
  expect(await answered({ list }, '')).toMatchObject({ has_more: false, last_id: ROWS[199]!.id });
});
