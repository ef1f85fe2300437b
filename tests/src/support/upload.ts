/** Uploads as clients write them, and what a gateway has stored. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { CallAnswer, CallOptions, Project, TestGateway } from './test-gateway.ts';

export const BOUNDARY = 'a-boundary-of-the-tests';

export interface FormPart {
  readonly name: string;
  /** Undefined says none. */
  readonly filename?: string;
  readonly body: string | Buffer;
}

/** A form's bytes, its parts in this order. */
export function form(parts: readonly FormPart[]): Buffer {
  const written = parts.flatMap(({ name, filename, body }) => {
    const named = filename === undefined ? '' : `; filename="${filename}"`;
    const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"${named}\r\n\r\n`;
    return [Buffer.from(head), Buffer.from(body), Buffer.from('\r\n')];
  });
  return Buffer.concat([...written, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

export const FORM_HEADERS = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
export const PURPOSE: FormPart = { name: 'purpose', body: 'batch' };

export const filePart = (body: string | Buffer = '{"a":1}\n', filename = 'lines.jsonl'): FormPart => ({
  name: 'file',
  filename,
  body,
});

/** Sends a body as a form. */
export function sendForm(
  gateway: TestGateway,
  project: Project,
  raw: NonNullable<CallOptions['raw']>,
  headers: Readonly<Record<string, string>> = {},
): Promise<CallAnswer> {
  return gateway.call('/v1/files', undefined, {
    raw,
    key: project.apiKey,
    headers: { ...FORM_HEADERS, ...headers },
  });
}

export function upload(
  gateway: TestGateway,
  project: Project,
  body: string | Buffer = '{"a":1}\n',
  headers: Readonly<Record<string, string>> = {},
): Promise<CallAnswer> {
  return sendForm(gateway, project, form([PURPOSE, filePart(body)]), headers);
}

/** Everything in the folder of files but its mark, also what is not whole: `<project>/<file id>`, `.partial/…`. */
export async function storedIn(dataDir: string): Promise<string[]> {
  const entries = await readdir(path.join(dataDir, 'files'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name !== '.files')
    .map((entry) => path.join(path.basename(entry.parentPath), entry.name))
    .sort();
}

/** Rows of a project, also those that nobody sees. */
export async function rowsOf(
  gateway: TestGateway,
  project: Project,
): Promise<{ id: string; state: string }[]> {
  const text = 'SELECT id, state FROM files WHERE project_id = $1 ORDER BY id';
  return (await gateway.pool.query<{ id: string; state: string }>(text, [project.projectId])).rows;
}
