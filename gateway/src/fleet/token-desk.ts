/** What people ask about join tokens and do with them, whichever are theirs. */
import type { NodePool } from '@zerogpu/protocol';
import type { AdminContext } from '../admin/handler.ts';
import { limitOf, pageOf } from '../admin/paging.ts';
import type { FleetServices } from './node-desk.ts';
import type { Scope } from './scope.ts';
import {
  createToken,
  expiryOf,
  listTokens,
  revokeToken,
  shownToken,
  type TokenRow,
  waysToJoin,
} from './tokens.ts';

type Listing = Pick<AdminContext<'listJoinTokens'>, 'query' | 'now'>;
type Creating = Pick<AdminContext<'createJoinToken'>, 'audit' | 'keep' | 'now' | 'person' | 'body'>;
type Acting = Pick<AdminContext<'revokeJoinToken'>, 'audit' | 'now'>;

export class TokenDesk {
  readonly #services: Pick<FleetServices, 'hash' | 'publicUrl'>;

  constructor(services: Pick<FleetServices, 'hash' | 'publicUrl'>) {
    this.#services = services;
  }

  async list(scope: Scope, { query, now }: Listing) {
    const rows = await scope.transaction((db) => listTokens(db, scope, query));
    const key = (row: TokenRow) => [String(row.micros), row.id];
    return pageOf(rows, limitOf(query), (row) => shownToken(row, now), key);
  }

  async create(scope: Scope, { body, person, now, audit, keep }: Creating, pool: NodePool) {
    const { name, uses = null } = body;
    const expires = expiryOf(body.expires_at, now);
    const wanted = { name, pool, uses, expires, createdBy: person?.id ?? null };
    return scope.transaction(async (db) => {
      const { row, token } = await createToken(db, scope, wanted, (text) => this.#services.hash(text));
      const details = { name, pool, uses, expires_at: expires?.toISOString() ?? null };
      await audit(db, { kind: 'join_token', id: row.id, details });
      return keep(db, { ...shownToken(row, now), token, ...waysToJoin(this.#services.publicUrl(), token) });
    });
  }

  async revoke(scope: Scope, { audit, now }: Acting, tokenId: string) {
    return scope.transaction(async (db) => {
      const row = await revokeToken(db, scope, tokenId);
      await audit(db, { kind: 'join_token', id: tokenId, details: { name: row.name, pool: row.pool } });
      return shownToken(row, now);
    });
  }
}
