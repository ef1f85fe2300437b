import { eventText, remark } from '../admin/event-text.ts';
import type { BatchFollower } from './batch-tail.ts';
import { shownNews } from './shown-batch.ts';

export interface BatchStreamOptions {
  follow(): BatchFollower;
  /** False when the session or the membership has ended. */
  stays(): Promise<boolean>;
  /** Milliseconds since 1970. */
  now(): number;
  /** Aborts when the reader went away. */
  readonly hangup: AbortSignal;
  readonly times?: StreamTimes;
}

export interface StreamTimes {
  /** Between two looks whether the reader still may. */
  readonly admitMs: number;
  /** Between two signs of life: proxies cut what is silent for a minute, some for half. */
  readonly heartbeatMs: number;
}

/** The end of a session is noticed within 5 s, as in the log's tail. */
const TIMES: StreamTimes = { admitMs: 5_000, heartbeatMs: 15_000 };

/** Follows from its first piece until its end or the reader's. */
export async function* batchStream(options: BatchStreamOptions): AsyncGenerator<string> {
  const { stays, now, hangup, times = TIMES } = options;
  const follower = options.follow();
  const leave = () => follower.close();
  hangup.addEventListener('abort', leave, { once: true });
  if (hangup.aborted) leave();
  try {
    // At once, so that the reader knows that it is connected.
    yield 'retry: 2000\n\n';
    let admitted = performance.now();
    let beat = admitted;
    for (;;) {
      const news = await follower.next(Math.min(times.admitMs, times.heartbeatMs));
      if (news === null) return;
      const at = performance.now();
      if (at - admitted >= times.admitMs) {
        if (!(await stays())) {
          yield eventText('end', {});
          return;
        }
        admitted = at;
      }
      yield* news.map((one) => eventText('batch', shownNews(one, now())));
      if (news.length === 0 && at - beat >= times.heartbeatMs) yield remark('still here');
      if (news.length > 0 || at - beat >= times.heartbeatMs) beat = at;
    }
  } finally {
    hangup.removeEventListener('abort', leave);
    follower.close();
  }
}
