/** Lists of files and batches: a page when awaited, every item of every page when looped over. */
import { ZeroGPUError } from './errors.ts';
import type { Call, Transport, WithRequestId } from './transport.ts';

interface CursorPage<Item = unknown> {
  readonly data: readonly Item[];
  readonly last_id: string | null;
  readonly has_more: boolean;
}

/**
 * The first page, to be awaited; or every item of every page, to be looped over. Pages are fetched as the loop comes to
 * them.
 *
 * @example
 * const { data } = await client.batches.list({ limit: 20 });
 * for await (const batch of client.batches.list()) console.log(batch.status);
 */
export type CursorListing<Page extends CursorPage> = Promise<WithRequestId<Page>> &
  AsyncIterable<Page['data'][number]>;

export type ListQuery = Readonly<Record<string, string | number | undefined>>;

export function cursorListing<Page extends CursorPage>(
  transport: Transport,
  path: string,
  query: ListQuery,
  options: Call['options'],
): CursorListing<Page> {
  const page = (more: ListQuery) =>
    transport.json<Page>({ method: 'GET', path: path + searchOf({ ...query, ...more }), options });
  const first = page({});
  return Object.assign(first, {
    [Symbol.asyncIterator]: () => itemsOf<Page['data'][number]>(first, (after) => page({ after })),
  });
}

async function* itemsOf<Item>(
  first: Promise<CursorPage<Item>>,
  page: (after: string) => Promise<CursorPage<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let after: string | null = null;
  for (let answer = await first; ; answer = await page(after)) {
    yield* answer.data;
    if (!answer.has_more || answer.last_id === null) return;
    // Else a server that is wrong about its pages would be asked for ever.
    if (answer.last_id === after) throw new ZeroGPUError('The server gave the same page twice');
    after = answer.last_id;
  }
}

function searchOf(query: ListQuery): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]));
  return given.length === 0 ? '' : `?${search}`;
}

/** The id as a part of a path. @throws ZeroGPUError */
export function idInPath(what: string, id: string): string {
  // '.' and '..' would vanish from the path, and another route would answer.
  if (typeof id !== 'string' || /^\.{0,2}$/.test(id))
    throw new ZeroGPUError(`A ${what} cannot have the id '${id}'`);
  return encodeURIComponent(id);
}
