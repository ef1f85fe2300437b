import { Type } from '@sinclair/typebox';
import { listOf, nullable, paging, Time, Uuid } from './common.ts';
import { declare, organization, project } from './route.ts';

export const AuditEntry = Type.Object(
  {
    id: Type.String(),
    at: Time,
    action: Type.String({ description: 'such as "key.created"' }),
    person: nullable(
      Type.Object(
        { id: Uuid, email: nullable(Type.String()), name: nullable(Type.String()) },
        {
          description:
            'null when the platform itself acted; of former members as they were called when they left',
        },
      ),
    ),
    project_id: nullable(Uuid),
    object: Type.Object({ kind: Type.String(), id: Type.String() }),
    details: Type.Record(Type.String(), Type.Unknown()),
  },
  { $id: 'AuditEntry' },
);

const query = Type.Object({
  ...paging,
  action: Type.Optional(
    Type.String({ pattern: '^[a-z_.]{1,100}$', description: 'an action such as "key.created"' }),
  ),
  person_id: Type.Optional(Uuid),
});

export const auditRoutes = declare({
  listAudit: {
    method: 'get',
    path: '/api/organizations/{organizationId}/audit',
    tag: 'audit',
    summary: 'Who did what in an organization and its projects, newest first',
    access: organization('admin'),
    query,
    answer: listOf(AuditEntry),
  },
  listProjectAudit: {
    method: 'get',
    path: '/api/projects/{projectId}/audit',
    tag: 'audit',
    summary: 'Who did what in a project, newest first',
    access: project('admin'),
    query,
    answer: listOf(AuditEntry),
  },
});
