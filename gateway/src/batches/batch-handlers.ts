import type { IncomingHttpHeaders } from 'node:http';
import { type BatchStatus, type batchRoutes, idForm, isId } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import { notThere } from '../admin/access.ts';
import { boundedRead } from '../admin/bounded-read.ts';
import type { Handlers } from '../admin/handler.ts';
import { newsStream, type StreamTimes } from '../admin/news-stream.ts';
import { limitOf, pageOf, placeOf } from '../admin/paging.ts';
import { Places } from '../admin/places.ts';
import { BATCH_COLUMNS } from './batch.ts';
import type { BatchTail } from './batch-tail.ts';
import { cancelBatch } from './cancel-batch.ts';
import { type ProjectBatchRow, shownForPeople, shownNews } from './shown-batch.ts';

export interface BatchAdminServices {
  readonly tail: BatchTail;
  /** Whether whoever sent these headers may still see this project. */
  stillAdmitted(headers: IncomingHttpHeaders, projectId: string): Promise<boolean>;
  /** Milliseconds since 1970. */
  now(): number;
  /** For tests. */
  readonly times?: StreamTimes;
}

/** Open streams of one gateway: a socket each, and some of what one look for all of them reads. */
const MOST_STREAMS = 200;
const STREAMS_OF_ORGANIZATION = 20;

const BATCH_ID = idForm('batch');

/** The key is there as long as the batch, revoked or not. */
const withKey = (condition: string, order: string) => `
SELECT b.*, k.name AS key_name, k.masked AS key_masked FROM (
  SELECT ${BATCH_COLUMNS}, key_id FROM batches WHERE project_id = $1 AND ${condition}) b
JOIN api_keys k ON k.project_id = b.project_id AND k.id = b.key_id ${order}`;
const LIST = withKey(
  '($2::text IS NULL OR id < $2) AND ($3::text IS NULL OR status = $3) ORDER BY id DESC LIMIT $4',
  'ORDER BY b.id DESC',
);
const GET = withKey('id = $2', '');

export function makeBatchHandlers(services: BatchAdminServices): Handlers<keyof typeof batchRoutes> {
  const places = new Places(MOST_STREAMS, STREAMS_OF_ORGANIZATION, 'streams of batches');
  return {
    async listBatches({ projectId, query, now, tenant }) {
      const limit = limitOf(query);
      const [before] = placeOf(query, [BATCH_ID]) ?? [null];
      const { status = null } = query;
      const rows = await boundedRead(tenant, (db) => list(db, projectId, before, status, limit + 1));
      return pageOf(
        rows,
        limit,
        (row) => shownForPeople(row, now),
        ({ id }) => [id],
      );
    },

    async streamBatches({ organizationId, projectId, headers, hangup }) {
      const text = newsStream({
        name: 'batch',
        follow: () => services.tail.follow(projectId),
        stays: () => services.stillAdmitted(headers, projectId),
        shown: (news) => shownNews(news, services.now()),
        hangup,
        ...(services.times === undefined ? {} : { times: services.times }),
      });
      return { content: 'text/event-stream', text: places.during(organizationId, text) };
    },

    async getBatch({ projectId, params, now, tenant }) {
      return shownForPeople(await tenant((db) => find(db, projectId, params.batchId)), now);
    },

    async cancelBatch({ projectId, params, now, tenant, audit }) {
      const { batchId } = params;
      return tenant(async (db) => {
        const { status } = await find(db, projectId, batchId);
        await cancelBatch(db, projectId, batchId, now);
        await audit(db, { kind: 'batch', id: batchId, details: { status } });
        return shownForPeople(await find(db, projectId, batchId), now);
      });
    },
  };
}

async function list(
  db: ClientBase,
  projectId: string,
  before: string | null,
  status: BatchStatus | null,
  most: number,
): Promise<readonly ProjectBatchRow[]> {
  return (await db.query<ProjectBatchRow>(LIST, [projectId, before, status, most])).rows;
}

async function find(db: ClientBase, projectId: string, batchId: string): Promise<ProjectBatchRow> {
  // A NUL in a path would be an error of the database.
  if (!isId('batch', batchId)) throw notThere('batch');
  const { rows } = await db.query<ProjectBatchRow>(GET, [projectId, batchId]);
  if (rows[0] === undefined) throw notThere('batch');
  return rows[0];
}
