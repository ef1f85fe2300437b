import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  CHALLENGE_CONTEXT,
  type Hello,
  isWellFormedSecret,
  JOIN_TOKEN_PREFIX,
  type Place,
  type PlaceSource,
  type REFUSALS,
} from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { NodeFacts } from '../flow.ts';
import type { Standing } from '../live-nodes.ts';
import { blamesItem, retryTransient } from '../store/database-errors.ts';
import { Grouped } from '../store/grouped.ts';
import { type Admitted, type Applicant, admitNodes, refuseUnstorable } from './admit-nodes.ts';
import { FailedJoins } from './failed-joins.ts';

/** Whether a node is one of ours. */
export type Admittance =
  | {
      readonly kind: 'admitted';
      readonly facts: NodeFacts;
      /** Which of the node's sockets this is; 0 unless told. */
      readonly session?: number;
      /** Gets runs at once unless told. */
      readonly standing?: Standing;
    }
  | { readonly kind: 'refused'; readonly code: (typeof REFUSALS)[number]; readonly message: string };

/** Where a node is, and how that is known. */
export interface Located {
  readonly place: Place | null;
  readonly region: string | null;
  readonly source: PlaceSource | null;
}

/** What people said of where a node is. */
export interface GivenPlace {
  readonly place: Place | null;
  readonly region: string | null;
}

export interface NodeDirectoryServices {
  readonly pool: Pool;
  /** Join tokens are kept as this hash only. */
  hash(token: string): Buffer;
  /** Of this gateway, as it stands in the table of those that run. */
  readonly gatewayId: string;
  /**
   * Where a node is; what it says of itself unless told.
   * @param address of the other end of its socket, perhaps empty
   * @param given by people in the admin API
   */
  locate?(hello: Hello, address: string, given: GivenPlace | null): Located;
}

/**
 * Nodes that are let in by one transaction: 10,000 that come back at once take fifty of some ten milliseconds, not ten
 * thousand.
 */
const MAX_GROUP = 200;

/** Who may join: a node proves its key by a signature; a join token makes a new key known. */
export class NodeDirectory {
  readonly #services: NodeDirectoryServices;
  readonly #groups: Grouped<Applicant, Admitted>;
  readonly #failed = new FailedJoins();

  constructor(services: NodeDirectoryServices) {
    this.#services = services;
    const locate = services.locate ?? asItSays;
    const { pool, gatewayId } = services;
    this.#groups = new Grouped({
      flush: (applicants) => retryTransient(() => admitNodes({ pool, gatewayId, locate }, applicants)),
      maxGroup: MAX_GROUP,
      blamesItem,
    });
  }

  /**
   * @param nonce what the gateway challenged this socket with
   * @param address of the socket's other end
   */
  async admit(hello: Hello, nonce: string, address = ''): Promise<Admittance> {
    if (!(await signatureIsGood(hello, nonce))) {
      return {
        kind: 'refused',
        code: 'signature_invalid',
        message: 'The signature is not of this challenge and key',
      };
    }
    refuseUnstorable(hello);
    const joinHash = this.#joinHash(hello, address);
    const admitted = await this.#groups.add({ hello, address, joinHash });
    switch (admitted.kind) {
      case 'joined':
        // A key costs nothing: whoever has a token for strangers could fill their pool with keys, or lie under ever new ones.
        if (admitted.facts.pool === 'public') this.#failed.note(address, Date.now());
        return { ...admitted, kind: 'admitted' };
      case 'known':
        return { ...admitted, kind: 'admitted' };
      case 'revoked':
        return { kind: 'refused', code: 'revoked', message: 'This node was removed' };
      case 'full':
        return refused(`${admitted.most} nodes are there already, which is as many as there may be`);
      case 'unknown':
        if (joinHash !== null) this.#failed.note(address, Date.now());
        return refused(whyNot(hello, joinHash));
    }
  }

  /** Null where there is nothing worth looking for. */
  #joinHash({ joinToken }: Hello, address: string): Buffer | null {
    if (joinToken === undefined || !isWellFormedSecret(JOIN_TOKEN_PREFIX, joinToken)) return null;
    // Nodes that are known come back whatever others at their address try.
    return this.#failed.tooMany(address, Date.now()) ? null : this.#services.hash(joinToken);
  }
}

const refused = (message: string): Admittance => ({ kind: 'refused', code: 'token_invalid', message });

function whyNot({ joinToken }: Hello, joinHash: Buffer | null): string {
  if (joinToken === undefined) return 'This node is not known here yet: it needs a join token';
  if (!isWellFormedSecret(JOIN_TOKEN_PREFIX, joinToken)) return 'The join token is mistyped or cut off';
  if (joinHash !== null) return 'The join token is unknown, used up, expired or revoked';
  // Not for good: the node may come again.
  throw new Error('Too many new strangers and wrong join tokens came from this address');
}

function asItSays({ capabilities: { place } }: Hello, _address: string, given: GivenPlace | null): Located {
  if (given !== null) return { ...given, source: 'given' };
  return { place: place ?? null, region: null, source: place ? 'device' : null };
}

/**
 * True when `hello` was signed with its own key over this nonce. Found out beside the event loop: of ten thousand nodes that
 * come back at once it would take more than a second.
 */
export async function signatureIsGood(hello: Hello, nonce: string): Promise<boolean> {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: hello.publicKey }, format: 'jwk' });
    const message = Buffer.from(CHALLENGE_CONTEXT + nonce);
    return await verified(message, key, Buffer.from(hello.signature, 'base64url'));
  } catch {
    return false;
  }
}

function verified(message: Buffer, key: KeyObject, signature: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verify(null, message, key, signature, (error, good) => (error ? reject(error) : resolve(good)));
  });
}
