import { notThere } from '../admin/access.ts';
import type { Handlers } from '../admin/handler.ts';
import { isUuid } from '../store/tenant-fence.ts';
import { inTransaction } from '../store/transaction.ts';
import { signedIn } from './account-handlers.ts';
import { takeAttempt } from './attempts.ts';
import {
  acceptInvitation,
  addInvitation,
  type InvitationRow,
  listInvitations,
  revokeInvitation,
  viewInvitation,
} from './invitations.ts';
import { listMembers, lockRole, type MemberRow, mayChange, removeMember, setRole } from './members.ts';
import { getOrganization } from './organizations.ts';
import { linkTo, type PeopleServices } from './people-services.ts';

type MemberRoutes = 'listMembers' | 'updateMember' | 'removeMember' | 'leaveOrganization';
type InvitationRoutes =
  | 'listInvitations'
  | 'createInvitation'
  | 'revokeInvitation'
  | 'viewInvitation'
  | 'acceptInvitation';

export const memberHandlers: Handlers<MemberRoutes> = {
  async listMembers({ organizationId, tenant }) {
    const rows = await tenant((db) => listMembers(db, organizationId));
    return { object: 'list', data: rows.map(shownMember), next: null };
  },

  async updateMember({ organizationId, person, params, body, tenant, audit }) {
    const change = { organizationId, byId: signedIn(person).id, personId: memberId(params.personId) };
    return tenant(async (db) => {
      const { member, before } = await setRole(db, change, body.role);
      const details = { before, after: body.role };
      await audit(db, { kind: 'member', id: change.personId, details });
      return shownMember(member);
    });
  },

  async removeMember({ organizationId, person, params, tenant, audit }) {
    const change = { organizationId, byId: signedIn(person).id, personId: memberId(params.personId) };
    await tenant(async (db) => {
      const role = await removeMember(db, change);
      await audit(db, { kind: 'member', id: change.personId, details: { role } });
    });
  },

  async leaveOrganization({ organizationId, person, tenant, audit }) {
    const { id } = signedIn(person);
    await tenant(async (db) => {
      const role = await removeMember(db, { organizationId, byId: id, personId: id });
      await audit(db, { kind: 'member', id, details: { role } });
    });
  },
};

export function makeInvitationHandlers(services: PeopleServices): Handlers<InvitationRoutes> {
  const { pool, secrets, mailer } = services;
  return {
    async listInvitations({ organizationId, tenant }) {
      const rows = await tenant((db) => listInvitations(db, organizationId));
      return { object: 'list', data: rows.map(shownInvitation), next: null };
    },

    async createInvitation({ organizationId, person, body, ip, now, tenant, audit, keep }) {
      const { id, name } = signedIn(person);
      const email = body.email?.toLowerCase() ?? null;
      const mailed = mailer !== null && email !== null;
      // However many were revoked: a mail that has left this server is in somebody's mailbox.
      if (mailed) takeAttempt(services.attempts, { ip, now, email: `invitation ${email}` });
      const wanted = { organizationId, role: body.role, email, invitedBy: id };
      const made = await tenant(async (db) => {
        mayChange(await lockRole(db, organizationId, id), null, body.role, false);
        const { row, token } = await addInvitation(db, secrets, wanted);
        await audit(db, { kind: 'invitation', id: row.id, details: { role: body.role, email } });
        const { invited_by, status, ...shown } = shownInvitation(row);
        return keep(db, { ...shown, token, link: linkTo(services.publicUrl(), 'invitation', token), mailed });
      });
      if (mailed) mailer.post(async () => invitationMail(email, name, made.link));
      return made;
    },

    async revokeInvitation({ organizationId, params, tenant, audit }) {
      const { invitationId } = params;
      if (!isUuid(invitationId)) throw notThere('invitation');
      await tenant(async (db) => {
        const revoked = await revokeInvitation(db, organizationId, invitationId);
        if (revoked === null) throw notThere('invitation');
        await audit(db, { kind: 'invitation', id: invitationId, details: { ...revoked } });
      });
    },

    async viewInvitation({ body, ip, now }) {
      takeAttempt(services.attempts, { ip, now });
      const { expires_at, ...view } = await viewInvitation(pool, secrets, body.token);
      return { ...view, expires_at: expires_at.toISOString() };
    },

    async acceptInvitation({ person, body, keep }) {
      const me = signedIn(person);
      return inTransaction(pool, async (db) => {
        const organizationId = await acceptInvitation(db, secrets, body.token, me);
        return keep(db, await getOrganization(db, organizationId, me.id));
      });
    },
  };
}

function memberId(id: string): string {
  if (!isUuid(id)) throw notThere('member');
  return id;
}

function shownMember(row: MemberRow) {
  return { ...row, joined_at: row.joined_at.toISOString() };
}

function shownInvitation({ expired, created_at, expires_at, ...row }: InvitationRow) {
  return {
    ...row,
    status: expired ? ('expired' as const) : ('pending' as const),
    created_at: created_at.toISOString(),
    expires_at: expires_at.toISOString(),
  };
}

/** The name comes from a caller: on one line, so that it cannot write the rest of the mail. */
function invitationMail(to: string, inviter: string, link: string) {
  const who = inviter.replaceAll(/\s+/g, ' ');
  const text = `${who} invites you to an organization.\n\nTo see the invitation, open this link within 7 days:\n${link}\n`;
  return { to, subject: 'An invitation', text };
}
