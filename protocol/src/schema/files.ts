import { type Static, Type } from '@sinclair/typebox';

const purpose = Type.Union([Type.Literal('batch'), Type.Literal('batch_output')]);
const Seconds = Type.Integer({ description: 'seconds since 1970' });

/** The form of an upload. */
export const FileUpload = Type.Object({
  file: Type.String({
    contentMediaType: 'application/octet-stream',
    description: 'the file, with or without a file name',
  }),
  purpose: Type.Literal('batch'),
  'expires_after[anchor]': Type.Optional(Type.Literal('created_at')),
  'expires_after[seconds]': Type.Optional(
    Type.Integer({
      minimum: 3_600,
      description: 'after how many seconds it goes; at most as long as any file',
    }),
  ),
});

/** One file, as `/v1/files` shows it. */
export const FileObject = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('file'),
    bytes: Type.Integer(),
    created_at: Seconds,
    filename: Type.String(),
    purpose,
    status: Type.Literal('processed'),
    expires_at: Seconds,
    /** Of the file with a batch's failed lines alone. */
    is_error: Type.Optional(Type.Literal(true)),
  },
  { $id: 'File' },
);
export type FileObject = Static<typeof FileObject>;

export const FileList = Type.Object(
  {
    object: Type.Literal('list'),
    data: Type.Array(FileObject),
    first_id: Type.Union([Type.String(), Type.Null()]),
    last_id: Type.Union([Type.String(), Type.Null()]),
    has_more: Type.Boolean(),
  },
  { $id: 'FileList' },
);
export type FileList = Static<typeof FileList>;

export const FileDeleted = Type.Object(
  { id: Type.String(), object: Type.Literal('file'), deleted: Type.Literal(true) },
  { $id: 'FileDeleted' },
);
export type FileDeleted = Static<typeof FileDeleted>;
