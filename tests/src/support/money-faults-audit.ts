/**
 * A witness inside the database: every decision on a hold and every row that moves money, written down in the
 * transaction that does it. The ledger's functions stay as they are; the one that decides is called through a wrapper
 * that notes what was asked and what was said. A wallet's row is locked before anything of it moves, and notes are
 * numbered under that lock, so that the notes of one wallet are in the order in which things happened.
 */
import type { Pool } from 'pg';
import type { BookEvent } from './money-faults-replay.ts';

const TABLES = `
CREATE SCHEMA audit;
-- Only gateways are killed, never the database: what is noted need not survive it.
CREATE UNLOGGED TABLE audit.notes (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
  kind text NOT NULL,
  body jsonb NOT NULL
);

CREATE FUNCTION audit.note_holds_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit.notes (kind, body)
    SELECT 'held', jsonb_agg(jsonb_build_array(request_id, amount::text)) FROM rows HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_in AFTER INSERT ON ledger.holds REFERENCING NEW TABLE AS rows
  FOR EACH STATEMENT EXECUTE FUNCTION audit.note_holds_in();

CREATE FUNCTION audit.note_holds_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit.notes (kind, body)
    SELECT 'freed', jsonb_agg(request_id) FROM rows HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_out AFTER DELETE ON ledger.holds REFERENCING OLD TABLE AS rows
  FOR EACH STATEMENT EXECUTE FUNCTION audit.note_holds_out();

CREATE FUNCTION audit.note_postings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit.notes (kind, body)
    SELECT 'posted', jsonb_agg(jsonb_build_array(kind, from_account, to_account, amount::text, request_id, created_at))
    FROM rows HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_in AFTER INSERT ON ledger.postings REFERENCING NEW TABLE AS rows
  FOR EACH STATEMENT EXECUTE FUNCTION audit.note_postings();

CREATE FUNCTION audit.note_budgets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO audit.notes (kind, body)
      SELECT 'unlimited', jsonb_agg(spender_id) FROM old_rows HAVING count(*) > 0;
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO audit.notes (kind, body)
      SELECT 'budget', jsonb_agg(jsonb_build_array(spender_id, monthly_limit::text, month, spent::text, held::text))
      FROM new_rows HAVING count(*) > 0;
  ELSE
    INSERT INTO audit.notes (kind, body)
      SELECT 'budget', jsonb_agg(jsonb_build_array(n.spender_id, n.monthly_limit::text))
      FROM new_rows n JOIN old_rows o USING (spender_id) WHERE n.monthly_limit <> o.monthly_limit HAVING count(*) > 0;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_in AFTER INSERT ON ledger.budgets REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION audit.note_budgets();
CREATE TRIGGER audit_changed AFTER UPDATE ON ledger.budgets REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION audit.note_budgets();
CREATE TRIGGER audit_out AFTER DELETE ON ledger.budgets REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION audit.note_budgets();

-- What is there already.
INSERT INTO audit.notes (kind, body)
  SELECT 'opened', jsonb_build_array(id, balance::text) FROM ledger.accounts WHERE kind = 'wallet' AND balance > 0;
`;

const DECIDER = `
SELECT pg_get_function_identity_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
  p.proargnames AS names, ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t) AS types
FROM pg_proc p WHERE p.proname = 'take_holds' AND p.pronamespace = 'ledger'::regnamespace`;

interface Decider {
  readonly arguments: string;
  readonly result: string;
  readonly names: readonly string[];
  readonly types: readonly string[];
}

/** Begins to take notes; on a database with all migrations, before requests come. */
export async function installAudit(pool: Pool): Promise<void> {
  await pool.query(TABLES);
  const { rows } = await pool.query<Decider>(DECIDER);
  if (rows.length !== 1) throw new Error(`There are ${rows.length} functions ledger.take_holds`);
  await pool.query(wrapper(rows[0]!));
}

/** Money as text: JSON's numbers lose digits in other hands. Times as JSON has them. */
function wrapper({ arguments: parameters, result, names, types }: Decider): string {
  const noted = names
    .map((name, i) => `'${name}', to_jsonb($${i + 1}${types[i] === 'bigint[]' ? '::text[]' : ''})`)
    .join(', ');
  return `
ALTER FUNCTION ledger.take_holds(${parameters}) RENAME TO take_holds_unwatched;
CREATE FUNCTION ledger.take_holds(${parameters}) RETURNS ${result} LANGUAGE plpgsql AS $$
DECLARE
  said ${result};
BEGIN
  said := ledger.take_holds_unwatched(${names.map((_, i) => `$${i + 1}`).join(', ')});
  INSERT INTO audit.notes (kind, body) VALUES ('asked', jsonb_build_object(${noted}, 'said', to_jsonb(said)));
  RETURN said;
END $$`;
}

interface Note {
  readonly sequence: bigint;
  readonly transaction: string;
  readonly kind: string;
  readonly body: unknown;
}

const PAGE = 2_000;
const READ =
  'SELECT sequence, transaction::text, kind, body FROM audit.notes WHERE sequence > $1 ORDER BY sequence LIMIT $2';
const OWNERS = "SELECT id, owner_id FROM ledger.accounts WHERE kind = 'wallet'";

/** Everything that was noted, in order, page by page. */
export async function* readEvents(pool: Pool): AsyncGenerator<BookEvent> {
  const { rows } = await pool.query<{ id: string; owner_id: string }>(OWNERS);
  const owners = new Map(rows.map(({ id, owner_id }) => [id, owner_id]));
  for (let after = 0n; ; ) {
    const page = await pool.query<Note>(READ, [after, PAGE]);
    for (const note of page.rows) yield* eventsOf(note, owners);
    if (page.rows.length < PAGE) return;
    after = page.rows.at(-1)!.sequence;
  }
}

/** The notes are this file's own: their form is above. */
function* eventsOf(note: Note, owners: ReadonlyMap<string, string>): Generator<BookEvent> {
  const moment = { sequence: Number(note.sequence), transaction: note.transaction };
  const events = DECODERS[note.kind];
  if (events === undefined) throw new Error(`A note of the unknown kind ${note.kind}`);
  for (const event of events(note.body, owners)) yield { ...moment, ...event };
}

type Bare = BookEvent extends infer Event
  ? Event extends BookEvent
    ? Omit<Event, 'sequence' | 'transaction'>
    : never
  : never;
type Decoder = (body: unknown, owners: ReadonlyMap<string, string>) => Bare[];

const DECODERS: Readonly<Record<string, Decoder>> = {
  asked: (body, owners) => decisions(body as Decisions, owners),
  held: (body) =>
    (body as [string, string][]).map(([requestId, amount]) => ({
      kind: 'held',
      requestId,
      amount: BigInt(amount),
    })),
  freed: (body) => (body as string[]).map((requestId) => ({ kind: 'freed', requestId })),
  posted: (body) => (body as Posted[]).flatMap(posting),
  unlimited: (body) => (body as string[]).map((purse) => ({ kind: 'limit', purse, limit: null })),
  budget: (body) => (body as BudgetNote[]).map(budget),
  opened: (body) => {
    const [purse, balance] = body as [string, string];
    return [{ kind: 'added', purse, amount: BigInt(balance) }];
  },
};

/** The parameters of `ledger.take_holds`, all as text, and what it said. */
interface Decisions {
  readonly request_ids: readonly string[];
  readonly account_ids: readonly string[];
  readonly project_ids: readonly string[];
  readonly key_ids: readonly string[];
  readonly amounts: readonly string[];
  readonly at: string;
  readonly said: readonly string[];
}

function decisions(call: Decisions, owners: ReadonlyMap<string, string>): Bare[] {
  return call.request_ids.map((requestId, i) => {
    const wallet = call.account_ids[i]!;
    const purses = {
      balance: wallet,
      organization_budget: owners.get(wallet) ?? 'nobody',
      project_budget: call.project_ids[i]!,
      key_budget: call.key_ids[i]!,
    };
    const said = call.said[i]!;
    const refusedBy = said === 'held' ? null : (new Map(Object.entries(purses)).get(said) ?? said);
    const amount = BigInt(call.amounts[i]!);
    return {
      kind: 'asked',
      requestId,
      purses: Object.values(purses),
      amount,
      refusedBy,
      month: monthOf(call.at),
    };
  });
}

type Posted = readonly [
  kind: string,
  from: string,
  to: string,
  amount: string,
  request: string,
  createdAt: string,
];

/** A correction moves a wallet too, and would need a line here before anybody makes one. */
function posting([kind, from, to, amount, requestId, createdAt]: Posted): Bare[] {
  const moved = BigInt(amount);
  if (kind === 'charge') return [{ kind: 'charged', requestId, amount: moved, month: monthOf(createdAt) }];
  if (kind === 'credit') return [{ kind: 'added', purse: to, amount: moved }];
  if (kind === 'refund') return [{ kind: 'added', purse: from, amount: -moved }];
  throw new Error(`A posting of the unknown kind ${kind}`);
}

/** What was counted is noted of new ones only. */
type BudgetNote = readonly [purse: string, limit: string, month?: string, spent?: string, held?: string];

function budget([purse, limit, month, spent, held]: BudgetNote): Bare {
  const begun = month !== undefined && spent !== undefined && held !== undefined;
  const counted = begun ? { month: month.slice(0, 7), spent: BigInt(spent), held: BigInt(held) } : null;
  return { kind: 'limit', purse, limit: BigInt(limit), ...(counted === null ? {} : { counted }) };
}

/** `2026-11`, as UTC has it. */
function monthOf(timestamp: string): string {
  return new Date(timestamp).toISOString().slice(0, 7);
}

/** Requests whose hold went back without a word in the log: their gateway was killed. */
export async function deadRequests(pool: Pool): Promise<Set<string>> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM audit.notes, jsonb_array_elements_text(body) AS freed (id)
     WHERE kind = 'freed' AND NOT EXISTS (SELECT 1 FROM requests r WHERE r.id = freed.id)`,
  );
  return new Set(rows.map((row) => row.id));
}
