import { createPublicKey, verify } from 'node:crypto';
import {
  CHALLENGE_CONTEXT,
  type Hello,
  isWellFormedSecret,
  JOIN_TOKEN_PREFIX,
  type NodePool,
  newId,
  type REFUSALS,
} from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import type { NodeFacts } from '../flow.ts';

/** Whether a node is one of ours. */
export type Admittance =
  | {
      readonly kind: 'admitted';
      readonly facts: NodeFacts;
    }
  | { readonly kind: 'refused'; readonly code: (typeof REFUSALS)[number]; readonly message: string };

export interface NodeDirectoryServices {
  readonly pool: Pool;
  /** Join tokens are kept as this hash only. */
  hash(token: string): Buffer;
}

/** A node that is known: by its key alone. Its last sight is noted on the way. */
const FIND_NODE = `
  UPDATE nodes SET last_seen_at = now(), name = $2, agent = $3, capabilities = $4
  WHERE public_key = $1
  RETURNING id, organization_id, pool, revoked_at IS NOT NULL AS revoked`;

/** Takes one use of a token; no row when it is unknown, used up, expired or revoked. */
const USE_TOKEN = `
  UPDATE join_tokens SET uses_left = uses_left - 1
  WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AND (uses_left IS NULL OR uses_left > 0)
  RETURNING id, organization_id, pool`;

/** Two sockets of one new node at once: the first inserts, the second finds the same row. */
const ADD_NODE = `
  INSERT INTO nodes (id, public_key, organization_id, pool, join_token_id, name, agent, capabilities, last_seen_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now())
  ON CONFLICT (public_key) DO UPDATE SET last_seen_at = now()
  RETURNING id, organization_id, pool`;

/** Who may join: a node proves its key by a signature; a join token makes a new key known. */
export class NodeDirectory {
  readonly #services: NodeDirectoryServices;

  constructor(services: NodeDirectoryServices) {
    this.#services = services;
  }

  /** @param nonce what the gateway challenged this socket with */
  async admit(hello: Hello, nonce: string): Promise<Admittance> {
    if (!signatureIsGood(hello, nonce)) {
      return {
        kind: 'refused',
        code: 'signature_invalid',
        message: 'The signature is not of this challenge and key',
      };
    }
    const client = await this.#services.pool.connect();
    try {
      return (await this.#findKnown(client, hello)) ?? (await this.#join(client, hello));
    } finally {
      client.release();
    }
  }

  async #findKnown(client: PoolClient, hello: Hello): Promise<Admittance | null> {
    const key = Buffer.from(hello.publicKey, 'base64url');
    const capabilities = JSON.stringify(hello.capabilities);
    const found = await client.query<NodeRow & { revoked: boolean }>(FIND_NODE, [
      key,
      hello.name,
      hello.agent,
      capabilities,
    ]);
    const node = found.rows[0];
    if (!node) return null;
    if (node.revoked) return { kind: 'refused', code: 'revoked', message: 'This node was removed' };
    return admitted(node, hello);
  }

  async #join(client: PoolClient, hello: Hello): Promise<Admittance> {
    const token = hello.joinToken;
    const refused = (message: string): Admittance => ({ kind: 'refused', code: 'token_invalid', message });
    if (token === undefined) return refused('This node is not known here yet: it needs a join token');
    if (!isWellFormedSecret(JOIN_TOKEN_PREFIX, token))
      return refused('The join token is mistyped or cut off');
    await client.query('BEGIN');
    try {
      const used = await client.query<TokenRow>(USE_TOKEN, [this.#services.hash(token)]);
      const grant = used.rows[0];
      if (!grant) {
        await client.query('ROLLBACK');
        return refused('The join token is unknown, used up, expired or revoked');
      }
      const added = await client.query<NodeRow>(ADD_NODE, [
        newId('node'),
        Buffer.from(hello.publicKey, 'base64url'),
        grant.organization_id,
        grant.pool,
        grant.id,
        hello.name,
        hello.agent,
        JSON.stringify(hello.capabilities),
      ]);
      await client.query('COMMIT');
      return admitted(added.rows[0]!, hello);
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    }
  }
}

interface NodeRow {
  readonly id: string;
  readonly organization_id: string | null;
  readonly pool: NodePool;
}

type TokenRow = NodeRow;

function admitted({ id, organization_id: organizationId, pool }: NodeRow, hello: Hello): Admittance {
  const { deviceClass = 'server', place = null } = hello.capabilities;
  return { kind: 'admitted', facts: { id, organizationId, pool, deviceClass, place, region: null } };
}

/** True when `hello` was signed with its own key over this nonce. */
export function signatureIsGood(hello: Hello, nonce: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: hello.publicKey }, format: 'jwk' });
    const message = Buffer.from(CHALLENGE_CONTEXT + nonce);
    return verify(null, message, key, Buffer.from(hello.signature, 'base64url'));
  } catch {
    return false;
  }
}
