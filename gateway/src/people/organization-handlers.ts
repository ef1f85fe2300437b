import type { organizationRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';
import { inTransaction } from '../store/transaction.ts';
import { signedIn } from './account-handlers.ts';
import { makeInvitationHandlers, memberHandlers } from './member-handlers.ts';
import { addOrganization, getOrganization, listOrganizations, renameOrganization } from './organizations.ts';
import type { PeopleServices } from './people-services.ts';

export function makeOrganizationHandlers(
  services: PeopleServices,
): Handlers<keyof typeof organizationRoutes> {
  const { pool } = services;
  return {
    ...memberHandlers,
    ...makeInvitationHandlers(services),

    async listOrganizations({ person }) {
      return { object: 'list', data: await listOrganizations(pool, signedIn(person).id), next: null };
    },

    async createOrganization({ person, body, audit, keep }) {
      const { id: personId } = signedIn(person);
      return inTransaction(pool, async (db) => {
        const made = await addOrganization(db, body.name, personId);
        const { id, name } = made;
        await audit(db, { kind: 'organization', id, details: { name }, organizationId: id });
        return keep(db, made);
      });
    },

    async getOrganization({ organizationId, person, tenant }) {
      return tenant((db) => getOrganization(db, organizationId, signedIn(person).id));
    },

    async updateOrganization({ organizationId, person, body, tenant, audit }) {
      return tenant(async (db) => {
        await renameOrganization(db, organizationId, body.name);
        await audit(db, { kind: 'organization', id: organizationId, details: { name: body.name } });
        return getOrganization(db, organizationId, signedIn(person).id);
      });
    },
  };
}
