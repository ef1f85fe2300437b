import type { IncomingHttpHeaders } from 'node:http';
import { ERRORS, EXPORT_ROWS, isErrorCode, isId, type logRoutes, roleSuffices } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import { boundedRead } from '../admin/bounded-read.ts';
import type { Handlers } from '../admin/handler.ts';
import { Places } from '../admin/places.ts';
import { exportLines } from './export.ts';
import { filterOf } from './log-filter.ts';
import { questionOf } from './log-question.ts';
import { shown } from './logged-request.ts';
import { readDetail, readPage } from './read-log.ts';
import { shownWhy } from './shown-why.ts';
import { type TailTimes, tailEvents } from './tail.ts';

/** The bodies of a request, as far as the project's policy has kept them. */
export interface Payload {
  readonly request: string | null;
  readonly answer: string | null;
  /** Only the beginning is kept. */
  readonly requestTruncated: boolean;
  readonly answerTruncated: boolean;
}

export interface LogServices {
  /** Null when none is kept. */
  readPayload(db: PoolClient, projectId: string, requestId: string): Promise<Payload | null>;
  /** Whether whoever sent these headers may still see this project. */
  stillAdmitted(headers: IncomingHttpHeaders, projectId: string): Promise<boolean>;
  readonly tailTimes?: TailTimes;
}

/** Of one gateway: each asks the database every second, and a connection takes some memory. */
const MOST_TAILS = 100;
const TAILS_OF_ORGANIZATION = 20;
/** Of one gateway: each keeps the database busy; two of its 12 connections at most go to them. */
const MOST_EXPORTS = 4;
const EXPORTS_OF_ORGANIZATION = 2;

export function makeLogHandlers(services: LogServices): Handlers<keyof typeof logRoutes> {
  const tails = new Places(MOST_TAILS, TAILS_OF_ORGANIZATION, 'live tails');
  const exports = new Places(MOST_EXPORTS, EXPORTS_OF_ORGANIZATION, 'exports');
  return {
    async listRequests({ projectId, query, now, tenant }) {
      return boundedRead(tenant, (db) => readPage(db, projectId, query, now));
    },

    async tailRequests({ organizationId, projectId, query, headers, hangup, tenant }) {
      const last = headers['last-event-id'];
      const { tailTimes } = services;
      const text = tailEvents({
        projectId,
        filter: filterOf(query),
        lastEventId: typeof last === 'string' ? last : null,
        hangup,
        read: (work) => boundedRead(tenant, work),
        stillAdmitted: () => services.stillAdmitted(headers, projectId),
        ...(tailTimes === undefined ? {} : { times: tailTimes }),
      });
      return { content: 'text/event-stream', text: tails.during(organizationId, text) };
    },

    async exportRequests({ organizationId, projectId, query, headers, hangup, now, tenant }) {
      const { format = 'csv', rows, ...asked } = query;
      const text = exportLines({
        projectId,
        question: questionOf(asked, now),
        format,
        rows: rows === undefined ? EXPORT_ROWS : Number(rows),
        hangup,
        read: (work) => boundedRead(tenant, work),
        stillAdmitted: () => services.stillAdmitted(headers, projectId),
      });
      const content = format === 'csv' ? 'text/csv' : 'application/jsonl';
      return { content, filename: `requests.${format}`, text: exports.during(organizationId, text) };
    },

    async getRequest({ organizationId, projectId, params, role, tenant }) {
      const { requestId } = params;
      if (!isId('request', requestId)) throw notThere('request');
      return boundedRead(tenant, async (db) => {
        const row = await readDetail(db, organizationId, projectId, requestId);
        if (row === null) throw notThere('request');
        const mayRead = role !== null && roleSuffices(role, 'developer');
        const kept = mayRead && row.has_payload ? await services.readPayload(db, projectId, requestId) : null;
        const { node_id, node_name, error_code, has_payload, why } = row;
        return {
          ...shown(row),
          error: error_code === null ? null : { code: error_code, message: meaning(error_code) },
          why: shownWhy(why, node_id),
          node: node_id === null ? null : { id: node_id, name: node_name ?? '' },
          payload: {
            stored: has_payload,
            request: kept?.request ?? null,
            answer: kept?.answer ?? null,
            request_truncated: kept?.requestTruncated ?? false,
            answer_truncated: kept?.answerTruncated ?? false,
          },
        };
      });
    },
  };
}

function meaning(code: string): string {
  return isErrorCode(code) ? ERRORS[code].message : '';
}
