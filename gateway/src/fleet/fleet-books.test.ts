/** What gateways write down of nodes by themselves, and what people are told of it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import type { NewEvent } from '../admin/event.ts';
import type { LiveNode, LiveNodes, Standing } from '../live-nodes.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { factsOf } from '../testing/facts.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { startFleetRounds } from './fleet-rounds.ts';
import { followChanges } from './follow-changes.ts';
import { NodeReporter } from './report-nodes.ts';
import { tellOfNodes } from './tell-nodes.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const GATEWAY = randomUUID();

/** A node that this gateway holds, as its connection shows it. */
class HeldNode implements LiveNode {
  readonly facts;
  readonly connectedAt = 1_000;
  readonly runs = { done: 0, failed: 0 };
  standing: Standing = { draining: false, quarantined: false };
  rttMs = 0;
  removed = false;
  session = 1;
  changes = 0;
  asked = 0;
  #slots = 4;
  moved: unknown = null;

  constructor(id: string, organizationId: string | null) {
    this.facts = factsOf(id, organizationId === null ? {} : { organizationId, pool: 'organization' });
  }

  get id() {
    return this.facts.id;
  }

  set slots(slots: number) {
    this.#slots = slots;
    this.changes++;
  }

  report() {
    this.asked++;
    const load = { in_flight: 0, resident: true, service_ms: null, speed: null };
    return [{ id: 'm', version: '1', slots: this.#slots, ...load }];
  }

  move(...where: readonly unknown[]) {
    this.moved = where;
  }

  remove() {
    this.removed = true;
  }
}

const INSERT = `
INSERT INTO nodes (id, public_key, organization_id, pool, name, agent, gateway_id, sessions, connected_at, joined_told_at)
VALUES ($1, $2, $3, $4, $5, 'test/1', $6, 1, now(), now())`;

async function addNode(
  pool: Pool,
  changes: { organizationId?: string | null; name?: string; gatewayId?: string | null; pool?: string } = {},
): Promise<string> {
  const id = newId('node');
  const { organizationId = null, name = 'a node', gatewayId = GATEWAY } = changes;
  const of = changes.pool ?? (organizationId === null ? 'operator' : 'organization');
  await pool.query(INSERT, [id, randomBytes(32), organizationId, of, name, gatewayId]);
  return id;
}

function held(...nodes: readonly HeldNode[]): LiveNodes {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return { nodes: () => byId.values(), find: (id) => byId.get(id) };
}

const reporterOf = (pool: Pool, live: LiveNodes) => {
  const reporter = new NodeReporter({ gatewayId: GATEWAY, pool, log: silentLog, live, now: () => 61_000 });
  onTestFinished(() => reporter.close());
  return reporter;
};

const rowOf = async (pool: Pool, id: string) =>
  (await pool.query('SELECT * FROM nodes WHERE id = $1', [id])).rows[0];

onEveryPostgres('what is written of nodes', (database) => {
  it('counts runs once, of nodes, days and minutes', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const organizationId = caller.organizationId;
    const [own, operators] = [
      new HeldNode(await addNode(pool, { organizationId }), organizationId),
      new HeldNode(await addNode(pool), null),
    ];
    const reporter = reporterOf(pool, held(own, operators));
    await reporter.report();
    Object.assign(own.runs, { done: 5, failed: 1 });
    Object.assign(operators.runs, { done: 2 });
    await reporter.report();
    await reporter.report();
    Object.assign(own.runs, { done: 7 });
    await reporter.report();
    expect(await rowOf(pool, own.id)).toMatchObject({
      runs_done: 7n,
      runs_failed: 1n,
      day_done: 7n,
      day_failed: 1n,
    });
    const { rows } = await pool.query(
      'SELECT pool, organization_id, sum(done)::int AS done, sum(failed)::int AS failed FROM fleet_minutes GROUP BY 1, 2 ORDER BY 1',
    );
    expect(rows).toEqual([
      { pool: 'operator', organization_id: null, done: 2, failed: 0 },
      { pool: 'organization', organization_id: organizationId, done: 7, failed: 1 },
    ]);
    // Yesterday's are no longer today's.
    await pool.query('UPDATE nodes SET runs_day = runs_day - 1');
    Object.assign(own.runs, { done: 8 });
    await reporter.report();
    expect(await rowOf(pool, own.id)).toMatchObject({ runs_done: 8n, day_done: 1n, day_failed: 0n });
  });

  it('writes of a node only what changed', async () => {
    const pool = await database();
    const node = new HeldNode(await addNode(pool), null);
    const reporter = reporterOf(pool, held(node));
    await reporter.report();
    const version = async () => (await pool.query('SELECT xmin::text AS x FROM nodes')).rows[0].x;
    const before = await version();
    await reporter.report();
    expect(await version()).toBe(before);
    node.slots = 9;
    node.rttMs = 40;
    await reporter.report();
    expect(await rowOf(pool, node.id)).toMatchObject({ rtt_ms: 40, models: [{ id: 'm', slots: 9 }] });
  });

  it('of a node that is as it was let in nothing is written, and its models are not even asked for', async () => {
    const pool = await database();
    const nodes = [new HeldNode(await addNode(pool), null), new HeldNode(await addNode(pool), null)];
    const [idle, far] = nodes;
    const reporter = reporterOf(pool, held(...nodes));
    const versions = 'SELECT id, xmin::text AS x, models FROM nodes ORDER BY id';
    const { rows: before } = await pool.query(versions);
    Object.assign(far ?? {}, { rttMs: 40 });
    await reporter.report();
    const { rows: after } = await pool.query(versions);
    expect(after.filter((row, at) => row.x === before[at].x)).toEqual([
      { id: idle?.id, x: expect.any(String), models: [] },
    ]);
    expect(await rowOf(pool, far?.id ?? '')).toMatchObject({ rtt_ms: 40, models: [] });
    expect(nodes.map(({ asked }) => asked)).toEqual([0, 0]);
  });

  it('a socket that ended leaves its node away, with what it did; one that was followed changes nothing', async () => {
    const pool = await database();
    const [gone, back] = [new HeldNode(await addNode(pool), null), new HeldNode(await addNode(pool), null)];
    const reporter = reporterOf(pool, held());
    Object.assign(gone.runs, { done: 3 });
    reporter.left(gone);
    reporter.left(back);
    // It came back before its old socket was noticed dead.
    await pool.query('UPDATE nodes SET sessions = 2 WHERE id = $1', [back.id]);
    await reporter.close();
    expect(await rowOf(pool, gone.id)).toMatchObject({
      gateway_id: null,
      runs_done: 3n,
      connected_ms: 60_000n,
    });
    expect(await rowOf(pool, back.id)).toMatchObject({ gateway_id: GATEWAY, connected_ms: 0n });
  });

  it('what could not be written is written later', async () => {
    const pool = await database();
    const node = new HeldNode(await addNode(pool), null);
    const reporter = reporterOf(pool, held(node));
    node.runs.done = 4;
    await pool.query('ALTER TABLE fleet_minutes RENAME TO fleet_minutes_away');
    await expect(reporter.report()).rejects.toThrow();
    await pool.query('ALTER TABLE fleet_minutes_away RENAME TO fleet_minutes');
    expect(await rowOf(pool, node.id)).toMatchObject({ runs_done: 0n });
    await reporter.report();
    expect(await rowOf(pool, node.id)).toMatchObject({ runs_done: 4n });
  });

  it('who was let in and never became welcome is away again', async () => {
    const pool = await database();
    const [welcome, lost, young] = await Promise.all([addNode(pool), addNode(pool), addNode(pool)]);
    const elsewhere = await addNode(pool, { gatewayId: randomUUID() });
    await pool.query("UPDATE nodes SET connected_at = now() - interval '31 seconds' WHERE id <> $1", [young]);
    await reporterOf(pool, held(new HeldNode(welcome, null))).reconcile();
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM nodes WHERE gateway_id IS NULL');
    expect(rows).toEqual([{ id: lost }]);
    expect(elsewhere).not.toBe(lost);
  });

  it('nodes of a gateway that died are away since it died', async () => {
    const pool = await database();
    const [dead, unknown, alive] = [randomUUID(), randomUUID(), randomUUID()];
    const insert = "INSERT INTO gateways (id, url, alive_until) VALUES ($1, 'x', now() + $2::interval)";
    await pool.query(insert, [dead, '-5 minutes']);
    await pool.query(insert, [alive, '10 seconds']);
    const ids = await Promise.all([dead, unknown, alive].map((gatewayId) => addNode(pool, { gatewayId })));
    await pool.query(
      "UPDATE nodes SET connected_at = now() - interval '1 hour', last_seen_at = now() - interval '1 hour'",
    );
    const rounds = startFleetRounds({ pool, log: silentLog, notify: async () => undefined });
    onTestFinished(() => rounds.stop());
    await rounds.run();
    const text = `
      SELECT gateway_id, round(extract(epoch FROM now() - last_seen_at) / 60)::int AS minutes FROM nodes WHERE id = $1`;
    const seen = await Promise.all(ids.map(async (id) => (await pool.query(text, [id])).rows[0]));
    expect(seen).toEqual([
      { gateway_id: null, minutes: 5 },
      { gateway_id: null, minutes: 60 },
      { gateway_id: alive, minutes: 60 },
    ]);
  });
});

onEveryPostgres('changes of nodes', (database) => {
  it('reach those that are held here, and the same again changes nothing', async () => {
    const pool = await database();
    const [drained, removed, other] = await Promise.all([addNode(pool), addNode(pool), addNode(pool)]);
    const nodes = [drained, removed, other].map((id) => new HeldNode(id, null));
    const following = followChanges({ pool, log: silentLog, live: held(...nodes) });
    onTestFinished(() => following.stop());
    await following.run();
    await pool.query('UPDATE nodes SET draining_at = now(), changed_at = now() WHERE id = $1', [drained]);
    await pool.query('UPDATE nodes SET revoked_at = now(), changed_at = now() WHERE id = $1', [removed]);
    await pool.query(
      "UPDATE nodes SET given_latitude = 1, given_longitude = 2, region = 'DE', changed_at = now() WHERE id = $1",
      [other],
    );
    await following.run();
    expect(nodes.map((node) => [node.standing.draining, node.removed])).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
    expect(nodes[2]?.moved).toEqual([{ latitude: 1, longitude: 2 }, 'DE']);
    const standing = nodes[0]?.standing;
    await following.run();
    expect(nodes[0]?.standing).toBe(standing);
    await pool.query('UPDATE nodes SET draining_at = NULL, changed_at = now() WHERE id = $1', [drained]);
    await following.run();
    expect(nodes[0]?.standing.draining).toBe(false);
  });
});

onEveryPostgres('what people are told of nodes', (database) => {
  const asked = async (pool: Pool): Promise<NewEvent[]> => {
    const events: NewEvent[] = [];
    await tellOfNodes(pool, async (_db, event) => void events.push(event));
    return events;
  };

  it('a fleet that joins is one event of its organization, once', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const { organizationId } = caller;
    for (const name of ['a', 'b', 'c', 'd']) await addNode(pool, { organizationId, name });
    await addNode(pool, { name: 'operators' });
    await pool.query('UPDATE nodes SET joined_told_at = NULL');
    const [event, ...more] = await asked(pool);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      organizationId,
      kind: 'node.joined',
      severity: 'info',
      details: { count: 4 },
    });
    expect(event?.title).toMatch(/^4 nodes have joined: "\w", "\w", "\w" and 1 more$/);
    expect(await asked(pool)).toEqual([]);
  });

  it('servers and desktops that are away for long are told of, once until they come back; phones and pages are not', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const { organizationId } = caller;
    for (const device of ['server', 'phone', 'browser']) {
      const id = await addNode(pool, { organizationId, name: device, gatewayId: null });
      await pool.query('UPDATE nodes SET device_class = $2 WHERE id = $1', [id, device]);
    }
    expect(await asked(pool)).toEqual([]);
    await pool.query("UPDATE nodes SET last_seen_at = now() - interval '11 minutes'");
    expect(await asked(pool)).toMatchObject([{ kind: 'node.away', title: 'A node is away: "server"' }]);
    expect(await asked(pool)).toEqual([]);
    await pool.query('UPDATE nodes SET away_told_at = NULL');
    expect(await asked(pool)).toHaveLength(1);
  });

  it('operators are told where they own an organization', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const person = randomUUID();
    await pool.query("INSERT INTO people (id, email, name) VALUES ($1, 'a@example.com', 'A')", [person]);
    await pool.query("INSERT INTO members (organization_id, person_id, role) VALUES ($1, $2, 'owner')", [
      caller.organizationId,
      person,
    ]);
    const liar = await addNode(pool, { pool: 'public', name: 'liar' });
    const quarantine =
      "UPDATE nodes SET quarantined_at = clock_timestamp(), quarantined_because = 'wrong' WHERE id = $1";
    await pool.query(quarantine, [liar]);
    await pool.query('INSERT INTO operators (person_id) VALUES ($1)', [person]);
    const { organizationId } = caller;
    const told = {
      organizationId,
      kind: 'node.quarantined',
      details: { nodes: [{ id: liar, because: 'wrong' }] },
    };
    expect(await asked(pool)).toMatchObject([told]);
    expect(await asked(pool)).toEqual([]);
    // Let out, and caught again.
    await pool.query(quarantine, [liar]);
    expect(await asked(pool)).toMatchObject([told]);
  });
});
