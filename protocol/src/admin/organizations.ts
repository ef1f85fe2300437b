import { Type } from '@sinclair/typebox';
import { Email } from './accounts.ts';
import { listOf, Name, nullable, Time, Uuid } from './common.ts';
import { ANYONE, declare, organization, PERSON } from './route.ts';

export const RoleInOrganization = Type.Union(
  [Type.Literal('owner'), Type.Literal('admin'), Type.Literal('developer'), Type.Literal('viewer')],
  { description: '"owner", "admin", "developer" or "viewer"' },
);

export const OrganizationSchema = Type.Object(
  { id: Uuid, name: Type.String(), role: RoleInOrganization, created_at: Time },
  { $id: 'Organization', description: 'An organization, with the role of who asks' },
);

export const MemberSchema = Type.Object(
  { person_id: Uuid, email: Type.String(), name: Type.String(), role: RoleInOrganization, joined_at: Time },
  { $id: 'Member' },
);

const invitation = {
  id: Uuid,
  role: RoleInOrganization,
  email: nullable(Type.String({ description: 'null: for whoever has the link' })),
  created_at: Time,
  expires_at: Time,
};

export const InvitationSchema = Type.Object(
  { ...invitation, invited_by: Uuid, status: Type.Union([Type.Literal('pending'), Type.Literal('expired')]) },
  { $id: 'Invitation' },
);

export const MadeInvitation = Type.Object(
  {
    ...invitation,
    token: Type.String({ description: 'shown this once' }),
    link: Type.String({ description: 'a page that accepts the invitation' }),
    mailed: Type.Boolean(),
  },
  { $id: 'MadeInvitation' },
);

export const NewOrganization = Type.Object({ name: Name }, { $id: 'NewOrganization' });
export const NewInvitation = Type.Object(
  { role: RoleInOrganization, email: Type.Optional(nullable(Email)) },
  { $id: 'NewInvitation' },
);

const byToken = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 100, description: 'the token of the link' }),
});

export const organizationRoutes = declare({
  listOrganizations: {
    method: 'get',
    path: '/api/organizations',
    tag: 'organizations',
    summary: 'The organizations of which I am a member, oldest first',
    access: PERSON,
    answer: listOf(OrganizationSchema),
  },
  createOrganization: {
    method: 'post',
    path: '/api/organizations',
    tag: 'organizations',
    summary: 'A new organization with an empty wallet; its owner is who makes it',
    access: PERSON,
    body: NewOrganization,
    answer: OrganizationSchema,
    status: 201,
    errors: ['state_conflict'],
    audit: 'organization.created',
  },
  getOrganization: {
    method: 'get',
    path: '/api/organizations/{organizationId}',
    tag: 'organizations',
    summary: 'One organization, with my role in it',
    access: organization('viewer'),
    answer: OrganizationSchema,
  },
  updateOrganization: {
    method: 'patch',
    path: '/api/organizations/{organizationId}',
    tag: 'organizations',
    summary: 'Renames an organization',
    access: organization('admin'),
    body: Type.Object({ name: Name }, { $id: 'OrganizationChanges' }),
    answer: OrganizationSchema,
    audit: 'organization.updated',
  },
  leaveOrganization: {
    method: 'post',
    path: '/api/organizations/{organizationId}/leave',
    tag: 'organizations',
    summary: 'Ends my membership; the last owner cannot leave',
    access: organization('viewer'),
    answer: null,
    errors: ['state_conflict'],
    audit: 'member.left',
  },
  listMembers: {
    method: 'get',
    path: '/api/organizations/{organizationId}/members',
    tag: 'organizations',
    summary: 'The members of an organization, oldest first',
    access: organization('viewer'),
    answer: listOf(MemberSchema),
  },
  updateMember: {
    method: 'patch',
    path: '/api/organizations/{organizationId}/members/{personId}',
    tag: 'organizations',
    summary: 'Changes a member’s role; only an owner makes and unmakes owners, and one always stays',
    access: organization('admin'),
    body: Type.Object({ role: RoleInOrganization }, { $id: 'MemberChanges' }),
    answer: MemberSchema,
    errors: ['state_conflict'],
    audit: 'member.updated',
  },
  removeMember: {
    method: 'delete',
    path: '/api/organizations/{organizationId}/members/{personId}',
    tag: 'organizations',
    summary: 'Removes a member, who is out at once; open invitations of theirs are revoked',
    access: organization('admin'),
    answer: null,
    errors: ['state_conflict'],
    audit: 'member.removed',
  },
  listInvitations: {
    method: 'get',
    path: '/api/organizations/{organizationId}/invitations',
    tag: 'organizations',
    summary: 'Invitations that were neither accepted nor revoked, newest first',
    access: organization('admin'),
    answer: listOf(InvitationSchema),
  },
  createInvitation: {
    method: 'post',
    path: '/api/organizations/{organizationId}/invitations',
    tag: 'organizations',
    summary: 'A link that makes somebody a member, once and within 7 days',
    access: organization('admin'),
    body: NewInvitation,
    answer: MadeInvitation,
    status: 201,
    errors: ['state_conflict', 'rate_limit_exceeded'],
    audit: 'invitation.created',
  },
  revokeInvitation: {
    method: 'delete',
    path: '/api/organizations/{organizationId}/invitations/{invitationId}',
    tag: 'organizations',
    summary: 'Makes an invitation’s link worthless',
    access: organization('admin'),
    answer: null,
    audit: 'invitation.revoked',
  },
  viewInvitation: {
    method: 'post',
    path: '/api/invitations/view',
    tag: 'organizations',
    summary: 'What an invitation is to; changes nothing',
    description: 'The token is in the body because addresses end up in logs.',
    access: ANYONE,
    body: byToken,
    answer: Type.Object({
      organization_name: Type.String(),
      role: RoleInOrganization,
      email: invitation.email,
      expires_at: Time,
    }),
    errors: ['not_found', 'rate_limit_exceeded'],
  },
  acceptInvitation: {
    method: 'post',
    path: '/api/invitations/accept',
    tag: 'organizations',
    summary: 'Makes me a member as the invitation says',
    access: PERSON,
    body: byToken,
    answer: OrganizationSchema,
    errors: ['not_found', 'state_conflict'],
    audit: 'invitation.accepted',
    creates: true,
  },
});
