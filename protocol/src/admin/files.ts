import { Type } from '@sinclair/typebox';
import { listOf, paging, Time, Uuid } from './common.ts';
import { declare, project } from './route.ts';

const Purpose = Type.Union([Type.Literal('batch'), Type.Literal('batch_output')], {
  description: '"batch" or "batch_output"',
});

/** The facts of `/v1/files`, with times as everywhere here. */
export const ProjectFile = Type.Object(
  {
    id: Type.String(),
    project_id: Uuid,
    filename: Type.String(),
    purpose: Purpose,
    bytes: Type.Integer(),
    is_error: Type.Boolean({ description: 'whether it holds the failed lines of a batch' }),
    created_at: Time,
    expires_at: Time,
  },
  { $id: 'ProjectFile' },
);

const FILES = '/api/projects/{projectId}/files';
const FILE = `${FILES}/{fileId}` as const;

export const fileRoutes = declare({
  listFiles: {
    method: 'get',
    path: FILES,
    tag: 'files',
    summary: 'The files of a project, newest first',
    access: project('viewer'),
    query: Type.Object({ purpose: Type.Optional(Purpose), ...paging }),
    answer: listOf(ProjectFile),
    errors: ['query_timeout'],
  },
  getFile: {
    method: 'get',
    path: FILE,
    tag: 'files',
    summary: 'One file, without its content',
    access: project('viewer'),
    answer: ProjectFile,
  },
  getFileContent: {
    method: 'get',
    path: `${FILE}/content`,
    tag: 'files',
    summary: 'The content of a file, as it is',
    description: 'What programs asked and were answered is shown to developers and above.',
    access: project('developer'),
    answer: Type.Unknown(),
    content: ['application/jsonl'],
    errors: ['rate_limit_exceeded', 'storage_error'],
  },
  deleteFile: {
    method: 'delete',
    path: FILE,
    tag: 'files',
    summary: 'Deletes a file; batches that read it go on',
    access: project('developer'),
    answer: null,
    audit: 'file.deleted',
  },
});
