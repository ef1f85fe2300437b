import { Type } from '@sinclair/typebox';
import { PRIVACY_TIERS } from '../fleet.ts';
import { listOf, Name, nullable, Time, Uuid } from './common.ts';
import { declare, organization, project } from './route.ts';

export const Environment = Type.Union(
  [Type.Literal('development'), Type.Literal('staging'), Type.Literal('production')],
  { description: '"development", "staging" or "production"' },
);

/** Which requests' bodies are kept: none, those of failed requests, all. */
export const PayloadPolicy = Type.Union([Type.Literal('none'), Type.Literal('errors'), Type.Literal('all')], {
  description: '"none", "errors" or "all"',
});

/** How far the texts of a project may go. */
export const Privacy = Type.Union(
  PRIVACY_TIERS.map((tier) => Type.Literal(tier)),
  {
    description:
      '"own" (the organization’s nodes, then the operator’s), "public" (also nodes of strangers) or "cloud" (the operator’s cloud nodes alone)',
  },
);

const settings = {
  name: Name,
  environment: Environment,
  allowed_models: nullable(
    Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      maxItems: 1000,
      description: 'ids of the models that keys of this project may use, or null for all',
    }),
  ),
  stand_ins: nullable(
    Type.Boolean({ description: 'whether built-ins stand in; null is the server’s setting' }),
  ),
  requests_per_minute: nullable(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000_000,
      description: 'an integer of at least 1, or null for no limit',
    }),
  ),
  tokens_per_minute: nullable(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000_000,
      description: 'an integer of at least 1, or null for no limit',
    }),
  ),
  payload_policy: PayloadPolicy,
  payload_days: Type.Integer({ minimum: 1, maximum: 365, description: 'an integer from 1 to 365' }),
  privacy: Privacy,
  upstreams: Type.Boolean({
    description: 'whether other servers that the operator does not vouch for may be given texts',
  }),
};

export const ProjectSchema = Type.Object(
  {
    id: Uuid,
    organization_id: Uuid,
    ...settings,
    status: Type.Union([Type.Literal('active'), Type.Literal('archived')]),
    created_at: Time,
  },
  { $id: 'Project' },
);

export const NewProject = Type.Object(
  { name: settings.name, environment: Type.Optional(settings.environment) },
  { $id: 'NewProject' },
);

export const ProjectChanges = Type.Partial(Type.Object(settings), {
  $id: 'ProjectChanges',
  minProperties: 1,
});

export const projectRoutes = declare({
  listProjects: {
    method: 'get',
    path: '/api/organizations/{organizationId}/projects',
    tag: 'projects',
    summary: 'The projects of an organization, archived ones too, oldest first',
    access: organization('viewer'),
    answer: listOf(ProjectSchema),
  },
  createProject: {
    method: 'post',
    path: '/api/organizations/{organizationId}/projects',
    tag: 'projects',
    summary: 'A new project',
    access: organization('admin'),
    body: NewProject,
    answer: ProjectSchema,
    status: 201,
    errors: ['state_conflict'],
    audit: 'project.created',
  },
  getProject: {
    method: 'get',
    path: '/api/projects/{projectId}',
    tag: 'projects',
    summary: 'One project with its settings',
    access: project('viewer'),
    answer: ProjectSchema,
  },
  updateProject: {
    method: 'patch',
    path: '/api/projects/{projectId}',
    tag: 'projects',
    summary: 'Changes a project’s name or settings; what is absent stays',
    access: project('admin'),
    body: ProjectChanges,
    answer: ProjectSchema,
    audit: 'project.updated',
  },
  archiveProject: {
    method: 'post',
    path: '/api/projects/{projectId}/archive',
    tag: 'projects',
    summary: 'Archives a project: its keys are refused, its records stay',
    access: project('admin'),
    answer: ProjectSchema,
    errors: ['state_conflict'],
    audit: 'project.archived',
  },
  restoreProject: {
    method: 'post',
    path: '/api/projects/{projectId}/restore',
    tag: 'projects',
    summary: 'Makes an archived project active again',
    access: project('admin'),
    answer: ProjectSchema,
    errors: ['state_conflict'],
    audit: 'project.restored',
  },
});
