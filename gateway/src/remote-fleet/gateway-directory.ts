/** Which gateways run: each says so in the database, and workers look there. */
import type { Pool } from 'pg';
import { type Rounds, startRounds } from '../rounds.ts';
import type { Log } from '../store/log.ts';

export interface GatewayAddress {
  readonly id: string;
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
}

const BEAT_MS = 5_000;
/** Three beats may be missed, as of a node. */
const ALIVE = `interval '20 seconds'`;

const BEAT = `
  INSERT INTO gateways (id, url, alive_until) VALUES ($1, $2, now() + ${ALIVE})
  ON CONFLICT (id) DO UPDATE SET alive_until = now() + ${ALIVE}`;
/** Of gateways that ended without a word, an hour later: until then people may want to see them. */
const SWEEP = `DELETE FROM gateways WHERE alive_until < now() - interval '1 hour'`;
const LEAVE = 'DELETE FROM gateways WHERE id = $1';
/** More gateways of one database than a worker keeps connections to. */
const MAX_GATEWAYS = 64;
const FIND = `SELECT id, url FROM gateways WHERE alive_until > now() ORDER BY id LIMIT ${MAX_GATEWAYS}`;

export interface BeatOptions {
  /** Of this gateway: a UUID of this start. */
  readonly id: string;
  readonly pool: Pool;
  readonly log: Log;
  readonly url: string;
}

/** Says that a gateway is there, again and again. After `stop` it is known to be gone. */
export function startBeats({ id, pool, log, url }: BeatOptions): Pick<Rounds, 'stop'> {
  const beat = async () => {
    await pool.query(BEAT, [id, url]);
    await pool.query(SWEEP);
  };
  const failed = 'The gateway cannot say that it runs';
  const rounds = startRounds({ everyMs: BEAT_MS, round: beat, log, failed });
  rounds.run();
  return {
    async stop() {
      await rounds.stop();
      await pool.query(LEAVE, [id]).catch(() => log.warn({}, 'The gateway could not say that it ends'));
    },
  };
}

export async function findGateways(pool: Pool): Promise<GatewayAddress[]> {
  return (await pool.query<GatewayAddress>(FIND)).rows;
}
