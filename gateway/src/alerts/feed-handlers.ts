import type { IncomingHttpHeaders } from 'node:http';
import { ApiError, dollarsText, type EventKind, idForm, type Severity } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import { notThere } from '../admin/access.ts';
import { eventText, remark } from '../admin/event-text.ts';
import type { AdminContext, Handlers, TextAnswer } from '../admin/handler.ts';
import { limitOf, pageOf, placeOf } from '../admin/paging.ts';
import { EVENT_COLUMNS, type EventRow, shownEvent } from './event-row.ts';
import type { FeedTail, Follower } from './feed-tail.ts';
import { readRunway, runsOutAt } from './runway.ts';

export interface FeedServices {
  readonly tail: FeedTail;
  /** Whether whoever sends these headers is signed in still, and a member of the organization. */
  stillMember(headers: IncomingHttpHeaders, organizationId: string): Promise<boolean>;
  /** Between two looks at that, and two signs of life of a stream. Default 15 s. */
  readonly beatMs?: number;
}

type FeedHandlers = Handlers<'listEvents' | 'readEvents' | 'streamEvents' | 'getRunway'>;

const EVENT_ID = idForm('event');
/** More than a person will read one by one; a count of all would read the whole feed. */
const MOST_UNREAD = 100;
/** What a stream that was cut off gets at once; older ones are in the list. */
const MOST_MISSED = 200;
/** Often enough for proxies, which close what is silent for a minute; and a session that ended ends the stream. */
const BEAT_MS = 15_000;

const LIST = `
SELECT ${EVENT_COLUMNS} FROM events WHERE organization_id = $1
  AND ($2::text IS NULL OR id < $2) AND ($3::uuid IS NULL OR project_id = $3)
  AND ($4::text IS NULL OR kind = $4) AND ($5::text IS NULL OR severity = $5)
ORDER BY id DESC LIMIT $6`;
const UNREAD = `
SELECT count(*)::int AS unread FROM (
  SELECT 1 FROM events WHERE organization_id = $1 AND id > coalesce(
    (SELECT read_up_to FROM event_marks WHERE organization_id = $1 AND person_id = $2), '')
  LIMIT ${MOST_UNREAD}) unread_ones`;
/** Never back: two windows of one person may be at different places. */
const MARK = `
INSERT INTO event_marks (organization_id, person_id, read_up_to) VALUES ($1, $2, $3)
ON CONFLICT (organization_id, person_id) DO UPDATE SET read_up_to = greatest(event_marks.read_up_to, excluded.read_up_to)`;
const KNOWN = 'SELECT 1 FROM events WHERE organization_id = $1 AND id = $2';
const MISSED = `
SELECT ${EVENT_COLUMNS} FROM events WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT ${MOST_MISSED}`;

export function makeFeedHandlers({ tail, stillMember, beatMs = BEAT_MS }: FeedServices): FeedHandlers {
  return {
    async listEvents({ organizationId, person, query, tenant }) {
      const limit = limitOf(query);
      const [before] = placeOf(query, [EVENT_ID]) ?? [null];
      return tenant(async (db) => {
        const rows = await list(db, organizationId, before, query, limit + 1);
        const page = pageOf(rows, limit, shownEvent, ({ id }) => [id]);
        return { ...page, unread: await unread(db, organizationId, person?.id ?? null) };
      });
    },

    async readEvents({ organizationId, person, body, tenant }) {
      await tenant(async (db) => {
        const { rowCount } = await db.query(KNOWN, [organizationId, body.up_to]);
        if (rowCount === 0) throw notThere('event');
        await db.query(MARK, [organizationId, person?.id, body.up_to]);
      });
    },

    async streamEvents(context): Promise<TextAnswer> {
      const { organizationId, headers, hangup, tenant } = context;
      const after = lastSeen(context);
      const follower = await tail.follow(organizationId);
      hangup.addEventListener('abort', () => follower.close(), { once: true });
      if (hangup.aborted) follower.close();
      const missed = after === null ? [] : await missedBy(tenant, organizationId, after, follower);
      const stays = () => stillMember(headers, organizationId);
      return { content: 'text/event-stream', text: streamOf(missed, follower, stays, beatMs) };
    },

    async getRunway({ organizationId, now, tenant }) {
      const runway = await tenant((db) => readRunway(db, organizationId, now));
      if (runway === null) throw notThere('organization');
      const { available, dailySpending, days } = runway;
      const end = runsOutAt(runway, now);
      return {
        available: dollarsText(available),
        daily_spending: dollarsText(dailySpending),
        days,
        runs_out_at: end === null ? null : new Date(end).toISOString(),
      };
    },
  };
}

interface Filter {
  readonly project_id?: string;
  readonly kind?: EventKind;
  readonly severity?: Severity;
}

async function list(
  db: ClientBase,
  organizationId: string,
  before: string | null,
  { project_id = undefined, kind = undefined, severity = undefined }: Filter,
  most: number,
): Promise<EventRow[]> {
  const filters = [project_id ?? null, kind ?? null, severity ?? null];
  const { rows } = await db.query<EventRow>(LIST, [organizationId, before, ...filters, most]);
  return rows;
}

async function unread(db: ClientBase, organizationId: string, personId: string | null): Promise<number> {
  const { rows } = await db.query<{ unread: number }>(UNREAD, [organizationId, personId]);
  return rows[0]?.unread ?? 0;
}

/** Browsers send the id of the last event themselves when a stream was cut off. */
function lastSeen({ headers }: AdminContext<'streamEvents'>): string | null {
  const id = headers['last-event-id'];
  if (id === undefined || id === '') return null;
  if (typeof id === 'string' && EVENT_ID.test(id)) return id;
  throw new ApiError('invalid_value', {
    message: 'last-event-id must be the id of an event',
    param: 'last-event-id',
  });
}

async function missedBy(
  tenant: AdminContext<'streamEvents'>['tenant'],
  organizationId: string,
  after: string,
  follower: Follower,
): Promise<readonly EventRow[]> {
  try {
    const { rows } = await tenant((db) => db.query<EventRow>(MISSED, [organizationId, after]));
    return rows;
  } catch (error) {
    follower.close();
    throw error;
  }
}

async function* streamOf(
  missed: readonly EventRow[],
  follower: Follower,
  stays: () => Promise<boolean>,
  beatMs: number,
): AsyncGenerator<string> {
  try {
    // Something at once, so that whoever listens knows that it does.
    yield remark('events');
    yield* missed.map(asText);
    const seen = new Set(missed.map(({ id }) => id));
    let beatAt = performance.now() + beatMs;
    for (;;) {
      const came = await follower.next(Math.max(0, beatAt - performance.now()));
      if (came === null) return;
      const isBeat = performance.now() >= beatAt;
      // Events are few: each time it is looked who still may.
      if ((came.length > 0 || isBeat) && !(await stays())) {
        yield eventText('end', {});
        return;
      }
      yield* came.filter(({ id }) => !seen.has(id)).map(asText);
      if (!isBeat) continue;
      beatAt = performance.now() + beatMs;
      yield remark('still here');
    }
  } finally {
    follower.close();
  }
}

function asText(row: EventRow): string {
  return eventText(row.kind, shownEvent(row), row.id);
}
