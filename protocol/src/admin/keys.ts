import { Type } from '@sinclair/typebox';
import { listOf, Name, nullable, paging, Time, Uuid } from './common.ts';
import { declare, project } from './route.ts';

const limit = (what: string) =>
  nullable(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000_000,
      description: `an integer of at least 1: ${what} in a minute; null leaves it to the project`,
    }),
  );

/** A pattern, not a format: the checks of bodies know no formats. */
const FutureTime = Type.String({
  maxLength: 40,
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})$',
  description: 'a time to come, such as 2027-01-31T12:00:00Z',
});

const settings = {
  name: Name,
  expires_at: nullable(FutureTime),
  allowed_models: nullable(
    Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      minItems: 1,
      maxItems: 1000,
      uniqueItems: true,
      description: 'ids of at least one model that the project allows, each once, or null for all of these',
    }),
  ),
  requests_per_minute: limit('requests'),
  tokens_per_minute: limit('tokens'),
};

const shown = {
  id: Uuid,
  project_id: Uuid,
  name: Name,
  masked: Type.String({ description: 'enough to know a key by, such as zgpu-api-4fGh…Xy9Z' }),
  status: Type.Union([Type.Literal('active'), Type.Literal('expired'), Type.Literal('revoked')]),
  created_at: Time,
  /** Null for keys that no person made; the name is null when that person was never a member. */
  created_by: nullable(Type.Object({ id: Uuid, name: nullable(Type.String()) })),
  last_used_at: nullable(Time),
  expires_at: nullable(Time),
  revoked_at: nullable(Time),
  allowed_models: settings.allowed_models,
  requests_per_minute: settings.requests_per_minute,
  tokens_per_minute: settings.tokens_per_minute,
};

export const KeySchema = Type.Object(shown, { $id: 'Key' });

export const CreatedKey = Type.Object(
  { ...shown, key: Type.String({ description: 'the whole key: here and never again' }) },
  { $id: 'CreatedKey' },
);

const { name, ...rest } = settings;
export const NewKey = Type.Composite([Type.Object({ name }), Type.Partial(Type.Object(rest))], {
  $id: 'NewKey',
});

export const KeyChanges = Type.Partial(Type.Object(settings), { $id: 'KeyChanges', minProperties: 1 });

const OWN = 'A developer may do this to keys that they created, an admin to all.';

export const keyRoutes = declare({
  listKeys: {
    method: 'get',
    path: '/api/projects/{projectId}/keys',
    tag: 'keys',
    summary: 'The keys of a project, revoked ones too, newest first',
    access: project('viewer'),
    query: Type.Object(paging),
    answer: listOf(KeySchema),
  },
  createKey: {
    method: 'post',
    path: '/api/projects/{projectId}/keys',
    tag: 'keys',
    summary: 'A new key; its text is in this answer and never again',
    access: project('developer'),
    body: NewKey,
    answer: CreatedKey,
    status: 201,
    errors: ['state_conflict'],
    audit: 'key.created',
  },
  getKey: {
    method: 'get',
    path: '/api/projects/{projectId}/keys/{keyId}',
    tag: 'keys',
    summary: 'One key, without its text',
    access: project('viewer'),
    answer: KeySchema,
  },
  updateKey: {
    method: 'patch',
    path: '/api/projects/{projectId}/keys/{keyId}',
    tag: 'keys',
    summary: 'Changes a key’s name, expiry, models or limits; what is absent stays',
    description: OWN,
    access: project('developer'),
    body: KeyChanges,
    answer: KeySchema,
    errors: ['state_conflict'],
    audit: 'key.updated',
  },
  revokeKey: {
    method: 'post',
    path: '/api/projects/{projectId}/keys/{keyId}/revoke',
    tag: 'keys',
    summary: 'Revokes a key for good: within a second every gateway refuses it',
    description: OWN,
    access: project('developer'),
    answer: KeySchema,
    errors: ['state_conflict'],
    audit: 'key.revoked',
  },
});
