/** `GET /v1/files`: a long list goes out as it is read, some hundred rows at a time. */
import { Readable } from 'node:stream';
import type { FileList } from '@zerogpu/protocol';
import { endsOf } from '../caller-list.ts';
import type { CallerAnswer, CallerRequest } from '../caller-route.ts';
import { type FileRow, shownFile } from '../storage/file.ts';
import type { FileStore, ListQuestion } from './file-store.ts';
import { listQuestion } from './list-question.ts';

/** Of 10,000 at once each call took 14 MB, as long as its caller cared not to read, and 50 ms of everybody's time. */
const SLICE = 200;

interface Listing {
  readonly files: Pick<FileStore, 'list'>;
  readonly asked: ListQuestion;
  readonly request: CallerRequest;
}

/** @throws ApiError invalid_purpose, invalid_limit, invalid_value */
export async function listFiles(files: Listing['files'], request: CallerRequest): Promise<CallerAnswer> {
  const listing = { files, asked: listQuestion(request.query), request };
  const rows = await readSlice(listing, listing.asked);
  if (listing.asked.limit <= SLICE || rows.length <= SLICE) return json(rows, listing.asked.limit);
  return {
    kind: 'stream',
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    stream: Readable.from(textOf(listing, rows), { objectMode: false }),
  };
}

/** One row more than are shown of them, where there are so many: the sign that there are more. */
function readSlice({ files, request }: Listing, asked: ListQuestion): Promise<FileRow[]> {
  return files.list(request.caller, { ...asked, limit: Math.min(asked.limit, SLICE) + 1 }, request.now);
}

function json(rows: readonly FileRow[], limit: number): CallerAnswer {
  const data = rows.slice(0, limit).map(shownFile);
  const body: FileList = { object: 'list', data, ...endsOf(rows[0], data.at(-1), rows.length > limit) };
  return { kind: 'json', body };
}

async function* textOf(listing: Listing, first: readonly FileRow[]): AsyncGenerator<string> {
  const { asked } = listing;
  let rows = first;
  let shown = 0;
  let last = first[0];
  let more = true;
  yield '{"object":"list","data":[';
  while (more) {
    const slice = rows.slice(0, Math.min(asked.limit - shown, SLICE));
    const texts = slice.map((row) => JSON.stringify(shownFile(row)));
    if (texts.length > 0) yield (shown === 0 ? '' : ',') + texts.join(',');
    shown += slice.length;
    last = slice.at(-1) ?? last;
    more = rows.length > slice.length;
    if (shown === asked.limit) break;
    if (more)
      rows = await readSlice(listing, { ...asked, after: last?.id ?? null, limit: asked.limit - shown });
  }
  yield `],${JSON.stringify(endsOf(first[0], last, more)).slice(1)}`;
}
