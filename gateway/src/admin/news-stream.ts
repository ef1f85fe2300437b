/** A stream of what changes, for somebody who may be sent away: of batches, of nodes. */
import { eventText, remark } from './event-text.ts';

/** Who is told what changed. */
export interface NewsFollower<News> {
  /** @returns what changed, perhaps nothing after `ms`; null when it is closed */
  next(ms: number): Promise<readonly News[] | null>;
  close(): void;
}

export interface NewsStreamOptions<News> {
  /** What an event is called; a word of ours. */
  readonly name: string;
  follow(): NewsFollower<News>;
  /** As its reader sees it. */
  shown(news: News): unknown;
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

/** The end of a session is noticed within 5 s, as in the log's tail. */
const TIMES: StreamTimes = { admitMs: 5_000, heartbeatMs: 15_000 };

/** Follows from its first piece until its end or the reader's. */
export async function* newsStream<News>(options: NewsStreamOptions<News>): AsyncGenerator<string> {
  const { hangup } = options;
  const follower = options.follow();
  const leave = () => follower.close();
  hangup.addEventListener('abort', leave, { once: true });
  if (hangup.aborted) leave();
  try {
    // At once, so that the reader knows that it is connected.
    yield 'retry: 2000\n\n';
    yield* told(follower, options);
  } finally {
    hangup.removeEventListener('abort', leave);
    follower.close();
  }
}

async function* told<News>(
  follower: NewsFollower<News>,
  { name, shown, stays, times = TIMES }: NewsStreamOptions<News>,
): AsyncGenerator<string> {
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
    yield* news.map((one) => eventText(name, shown(one)));
    if (news.length === 0 && at - beat >= times.heartbeatMs) yield remark('still here');
    if (news.length > 0 || at - beat >= times.heartbeatMs) beat = at;
  }
}
