import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import type { ObjectStorage } from '../../storage/object-storage.ts';
import { failed, pending, type RowLine, succeeded } from '../../testing/batch-rows.ts';
import { type OpenEndings, openEndings, parsedLines } from '../../testing/open-endings.ts';
import { onEveryPostgres } from '../../testing/postgres.ts';
import { lineId } from '../line-id.ts';
import { takeBatch } from './take-batch.ts';
import { writeOutput } from './write-output.ts';

const HOSTILE_IDS = [
  'a "quoted" id',
  'back\\slash',
  'new\nline\r\u2028',
  '\u0000',
  '\ud800',
  '\udfff\ud800',
  '🦉',
  '</script>',
  `{"custom_id":"inside"}`,
  '   ',
  'x'.repeat(300_000),
];

onEveryPostgres('the files of a batch', (database) => {
  let open: OpenEndings | null = null;
  const setUp = async () => {
    open = await openEndings(await database());
    return open;
  };
  afterEach(async () => {
    await open?.close();
    open = null;
  });

  const end = async (all: OpenEndings, lines: readonly RowLine[], row: object = {}) => {
    const id = await all.insert(lines, row);
    await (await all.ender()).round();
    const batch = await all.batch(id);
    return {
      id,
      batch,
      output: await all.text(batch.output_file_id),
      errors: await all.text(batch.error_file_id),
    };
  };
  const cancelling = { status: 'cancelling', cancelling_at: new Date() };

  it('have lines as the contract says, to the byte, in the order of their numbers', async () => {
    const all = await setUp();
    const error =
      '{"code":"context_length_exceeded","message":"[legacy:http_400] too long","param":"messages"}';
    const { id, output, errors } = await end(
      all,
      [
        { ...succeeded('{"id":"chatcmpl-1","choices":[]}'), customId: '"first"', number: 2 },
        { ...failed(error), customId: '"second"', number: 5 },
        { ...succeeded('{"b" : 2}'), customId: '"t\\u0068ird"', number: 11 },
        { ...pending, customId: '"fourth"', number: 12 },
      ],
      cancelling,
    );
    expect(output).toBe(
      `{"id":"${lineId(id, 2)}","custom_id":"first","response":{"status_code":200,"request_id":"req_2","body":{"id":"chatcmpl-1","choices":[]}},"error":null}\n` +
        `{"id":"${lineId(id, 11)}","custom_id":"t\\u0068ird","response":{"status_code":200,"request_id":"req_11","body":{"b" : 2}},"error":null}\n`,
    );
    expect(errors).toBe(
      `{"id":"${lineId(id, 5)}","custom_id":"second","response":null,"error":${error}}\n` +
        `{"id":"${lineId(id, 12)}","custom_id":"fourth","response":null,"error":{"code":"batch_cancelled","message":"The batch was cancelled before this line ran","param":null}}\n`,
    );
  });

  it('give back every custom_id as it was, whatever it holds', async () => {
    const all = await setUp();
    const lines = HOSTILE_IDS.map((id, i) => ({
      ...(i % 2 === 0 ? succeeded() : failed()),
      customId: JSON.stringify(id),
    }));
    const { output, errors } = await end(all, lines);
    const ids = (text: string) => parsedLines(text).map(({ custom_id }) => custom_id);
    expect(ids(output)).toEqual(HOSTILE_IDS.filter((_, i) => i % 2 === 0));
    expect(ids(errors)).toEqual(HOSTILE_IDS.filter((_, i) => i % 2 === 1));
  });

  it('do not lose a line whose result was lost', async () => {
    const all = await setUp();
    const { batch, errors } = await end(all, [succeeded(), { state: 'done' }], { completed: 1, failed: 1 });
    expect(batch).toMatchObject({ status: 'completed', completed: 1, failed: 1 });
    expect(parsedLines(errors)).toMatchObject([{ custom_id: '2', error: { code: 'internal_error' } }]);
  });

  it('together are exactly the lines, each once, whatever became of them', async () => {
    const all = await setUp();
    const line = fc.oneof(
      fc.constant(pending),
      fc.string({ unit: 'binary', maxLength: 50 }).map((text) => succeeded(JSON.stringify({ text }))),
      fc.constant(failed()),
      fc.integer({ min: 100_000, max: 900_000 }).map((many) => succeeded(JSON.stringify('x'.repeat(many)))),
    );
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 40 });
    const ending = fc.constantFrom(cancelling, { expires_at: new Date(0) });
    await fc.assert(
      fc.asyncProperty(
        numbers.chain((some) =>
          fc.tuple(
            fc.constant(some),
            fc.array(line, { minLength: some.length, maxLength: some.length }),
            ending,
          ),
        ),
        async ([some, outcomes, row]) => {
          const lines = outcomes.map((one, i) => ({ ...one, number: some[i]!, customId: `"${some[i]}"` }));
          const { batch, output, errors } = await end(all, lines, row);
          const found = [...parsedLines(output), ...parsedLines(errors)];
          expect(found.map(({ custom_id }) => Number(custom_id)).sort((a, b) => a - b)).toEqual(
            some.toSorted((a, b) => a - b),
          );
          expect(batch.completed).toBe(outcomes.filter(({ result }) => result?.succeeded === true).length);
          expect(batch.completed + batch.failed).toBe(batch.total);
          for (const { custom_id, response } of parsedLines(output))
            expect(response.body).toEqual(
              JSON.parse(lines.find(({ customId }) => customId === `"${custom_id}"`)!.result!.body),
            );
        },
      ),
      { numRuns: 30 },
    );
    expect(all.told).toEqual([]);
  });

  it('are read in pages of bounded bytes and rows, also of results of megabytes', async () => {
    const all = await setUp();
    const large = succeeded(JSON.stringify('x'.repeat(3_000_000)));
    const lines = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? large : succeeded()));
    const sizes: number[] = [];
    const { output } = await (async () => {
      const id = await all.insert(lines);
      await (await all.ender({ storage: measuring(all.storage, sizes) })).round();
      return { output: await all.text((await all.batch(id)).output_file_id) };
    })();
    expect(parsedLines(output)).toHaveLength(12);
    // No two large ones in one page.
    expect(Math.max(...sizes)).toBeLessThan(3_100_000);
    expect(sizes).toHaveLength(5);
  });

  it('of 50,000 lines take little memory', { timeout: 300_000 }, async () => {
    const all = await setUp();
    const body = JSON.stringify({ choices: [{ message: { content: 'x'.repeat(1_500) } }] });
    const id = await all.insert(
      Array.from({ length: 50_000 }, (_, i) => (i % 10 === 0 ? failed() : succeeded(body))),
    );
    const workerId = (await all.ender()).options.workerId;
    const batch = await takeBatch({ pool: all.pool, workerId, now: () => all.clock.now }, id);
    const sizes: number[] = [];
    const before = process.memoryUsage().rss;
    const begun = performance.now();
    const storage = measuring(all.storage, sizes);
    const files = await writeOutput({ pool: all.pool, storage, workerId, signal: all.signal }, batch!);
    const ms = Math.round(performance.now() - begun);
    const grown = Math.round((process.memoryUsage().rss - before) / 2 ** 20);
    console.log(`50,000 lines: ${files.output?.stored.bytes} bytes in ${ms} ms, ${grown} MiB more resident`);
    expect([files.output?.lines, files.errors?.lines]).toEqual([45_000, 5_000]);
    // A page and a row more: what is held at a time does not grow with the batch.
    expect(Math.max(...sizes)).toBeLessThan(2 * 2 ** 20);
  });
});

/** Notes how large the chunks are that a storage is given. */
function measuring(storage: ObjectStorage, sizes: number[]): ObjectStorage {
  return {
    ...storage,
    put: (name, source) =>
      storage.put(
        name,
        (async function* () {
          for await (const chunk of source) {
            sizes.push(chunk.length);
            yield chunk;
          }
        })(),
      ),
  };
}
