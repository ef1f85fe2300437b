/** A way to each error that callers are told. The routes of files have theirs here. */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type ErrorCode, newId } from '@zerogpu/protocol';
import { RawConnection } from './raw-http.ts';
import { storeFile } from './stored-file.ts';
import type { Project, TestGateway } from './test-gateway.ts';
import { FORM_HEADERS, filePart, form, PURPOSE, sendForm, upload } from './upload.ts';

export interface Told {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly text: string;
}

export interface Case {
  readonly name: string;
  /** Makes the error come; null when there is nobody left to tell. */
  run(project: Project): Promise<Told | null>;
  /** What `param` says; null unless told. */
  readonly param?: string;
  /** Headers that must be there, besides those of every answer. */
  readonly headers?: Readonly<Record<string, RegExp>>;
  /** False for what ends before it is known whose request it is, naming no project: it is in nobody's log. */
  readonly logged?: false;
  /** The log's endpoint, where it is not `responses`. */
  readonly endpoint?: string;
  readonly project?: Parameters<TestGateway['newProject']>[0];
}

export type Cases = Readonly<Partial<Record<ErrorCode, readonly Case[]>>>;

/** Those of both. */
export function together(one: Cases, other: Cases): Cases {
  const all: Partial<Record<ErrorCode, readonly Case[]>> = { ...one };
  for (const [code, cases] of Object.entries(other) as [ErrorCode, readonly Case[]][]) {
    all[code] = [...(all[code] ?? []), ...cases];
  }
  return all;
}

/** What is asked of files is in no log of requests. @param gateway it begins after the cases are listed */
export function fileCases(gateway: () => TestGateway): Cases {
  return [formCases, uploadCases, readCases].map((cases) => cases(gateway)).reduce(together);
}

const logged = false;

/** An upload as its form says it. */
function formCases(gateway: () => TestGateway): Cases {
  const sent =
    (parts: Parameters<typeof form>[0], headers: Record<string, string> = {}) =>
    (project: Project) =>
      sendForm(gateway(), project, form(parts), headers);
  const seconds = { name: 'expires_after[seconds]', body: '7200' };
  return {
    invalid_content_type: [
      { name: 'JSON for a form', logged, run: sent([], { 'content-type': 'application/json' }) },
    ],
    invalid_multipart: [
      {
        name: 'a form without end',
        logged,
        run: (p) => sendForm(gateway(), p, form([filePart()]).subarray(0, 90)),
      },
    ],
    invalid_purpose: [{ name: 'an upload for nothing', param: 'purpose', logged, run: sent([filePart()]) }],
    missing_file: [{ name: 'a form of fields', param: 'file', logged, run: sent([PURPOSE]) }],
    empty_file: [{ name: 'no bytes', param: 'file', logged, run: sent([PURPOSE, filePart('')]) }],
    missing_required_parameter: [
      {
        name: 'an expiry without its anchor',
        param: 'expires_after[anchor]',
        logged,
        run: sent([PURPOSE, seconds, filePart()]),
      },
    ],
  };
}

function uploadCases(gateway: () => TestGateway): Cases {
  return {
    file_too_large: [
      { name: '200 MB are announced', param: 'file', logged, run: (p) => begun(gateway(), p, 209_715_200) },
    ],
    request_timeout: [{ name: 'half a file', logged, run: (p) => begun(gateway(), p, 10_000) }],
    idempotency_conflict: [
      {
        name: 'another file under the same key',
        logged,
        run: async (p) => {
          await upload(gateway(), p, 'a', { 'idempotency-key': 'one' });
          return upload(gateway(), p, 'b', { 'idempotency-key': 'one' });
        },
      },
    ],
    storage_error: [
      {
        name: 'an upload that cannot be put into its place',
        logged,
        run: async (p) => {
          await writeFile(path.join(gateway().gateway.dataDir, 'files', p.projectId), 'in the way');
          return upload(gateway(), p);
        },
      },
    ],
  };
}

function readCases(gateway: () => TestGateway): Cases {
  const get = (project: Project, route: string, method = 'GET', headers: Record<string, string> = {}) =>
    gateway().call(route, undefined, { key: project.apiKey, method, headers });
  const stored = async (project: Project) => (await upload(gateway(), project)).json.id;
  return {
    invalid_purpose: [
      { name: 'a list of another', param: 'purpose', logged, run: (p) => get(p, '/v1/files?purpose=vision') },
    ],
    invalid_limit: [
      { name: 'of files', param: 'limit', logged, run: (p) => get(p, '/v1/files?limit=10001') },
    ],
    invalid_value: [
      { name: 'a list after nothing', param: 'after', logged, run: (p) => get(p, '/v1/files?after=x') },
    ],
    invalid_api_key: [
      { name: 'of files', logged, run: () => gateway().call('/v1/files', undefined, { key: null }) },
    ],
    file_not_found: [
      { name: 'an unknown file', logged, run: (p) => get(p, `/v1/files/${newId('file')}`) },
      { name: 'its content', logged, run: (p) => get(p, '/v1/files/file-x/content') },
      {
        name: 'deleted twice',
        logged,
        run: async (p) => {
          const route = `/v1/files/${await stored(p)}`;
          await get(p, route, 'DELETE');
          return get(p, route, 'DELETE');
        },
      },
    ],
    range_not_satisfiable: [
      {
        name: 'behind the end',
        logged,
        run: async (p) => get(p, `/v1/files/${await stored(p)}/content`, 'GET', { range: 'bytes=8-' }),
      },
    ],
    storage_error: [
      {
        name: 'a file whose bytes are gone',
        logged,
        run: async (p) => {
          const file = await storeFile(gateway(), p, ['{}']);
          await rm(file.path);
          return get(p, `/v1/files/${file.id}/content`);
        },
      },
    ],
    internal_error: [
      {
        name: 'a database that cannot tell files',
        logged,
        run: async (p) => {
          await gateway().pool.query('ALTER TABLE files RENAME TO files_gone');
          try {
            return await get(p, '/v1/files');
          } finally {
            await gateway().pool.query('ALTER TABLE files_gone RENAME TO files');
          }
        },
      },
    ],
  };
}

/** The head of an upload and the beginning of its form; then nothing more. */
async function begun(gateway: TestGateway, project: Project, length: number): Promise<Told> {
  const connection = await RawConnection.open(gateway.url);
  const head = [
    'POST /v1/files HTTP/1.1',
    'host: localhost',
    `x-api-key: ${project.apiKey}`,
    `content-type: ${FORM_HEADERS['content-type']}`,
    `content-length: ${length}`,
    '\r\n',
  ].join('\r\n');
  await connection.write(head + form([PURPOSE, filePart()]).toString('latin1').slice(0, 150));
  const answer = await connection.answer();
  connection.destroy();
  await connection.closed;
  if (answer === null) throw new Error('Hung up without an answer');
  const { status, body, headers } = answer;
  return { status, text: body, headers: { get: (name) => headers.get(name) ?? null } };
}
