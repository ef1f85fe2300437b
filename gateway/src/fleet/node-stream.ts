import { eventText, remark } from '../admin/event-text.ts';
import type { NodeFollower } from './node-tail.ts';

export interface NodeStreamOptions {
  follow(): NodeFollower;
  /** False when the session, or what lets its person see this, has ended. */
  stays(): Promise<boolean>;
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

/** As of batches: the end of a session is noticed within 5 s. */
const TIMES: StreamTimes = { admitMs: 5_000, heartbeatMs: 15_000 };

/** Follows from its first piece until its end or the reader's. */
export async function* nodeStream(options: NodeStreamOptions): AsyncGenerator<string> {
  const { stays, hangup, times = TIMES } = options;
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
      yield* news.map((one) => eventText('node', one));
      if (news.length === 0 && at - beat >= times.heartbeatMs) yield remark('still here');
      if (news.length > 0 || at - beat >= times.heartbeatMs) beat = at;
    }
  } finally {
    hangup.removeEventListener('abort', leave);
    follower.close();
  }
}
