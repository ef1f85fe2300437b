/** Requests that no honest client sends, made by fast-check, and callers that send them one after the other. */
import fc from 'fast-check';
import { type RawAnswer, RawConnection } from './raw-http.ts';
import { ALL_ROUTES, EMBED, IAB, MODERATION, SUMMARY } from './scripted-node.ts';

export interface HostileRequest {
  /** The whole HTTP message, or what is sent in place of one. */
  readonly bytes: Buffer;
  /** The caller goes away as soon as the bytes are sent. */
  readonly hangsUp: boolean;
  /** The server can tell where the message ends, so another may follow on the same connection. */
  readonly framed: boolean;
}

/** As `HostileRequest`, before it is known with which key it is sent. */
interface Draft {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly framing: 'length' | 'chunked' | 'short' | 'long' | 'both' | 'none';
  readonly key: 'good' | 'bad' | 'none';
}

/** Everything that this file makes, for callers with `apiKey`. */
export function hostileRequests(apiKey: string): fc.Arbitrary<HostileRequest> {
  return fc.oneof(
    { weight: 8, arbitrary: goodFraming.map((draft) => assemble(draft, apiKey)) },
    { weight: 3, arbitrary: badFraming.map((draft) => assemble(draft, apiKey)) },
    { weight: 1, arbitrary: garbage },
  );
}

const nasty = fc.constantFrom(
  '',
  '\0',
  'a\0b',
  '\ud800',
  '\udc00\ud800',
  '😀'.repeat(40),
  '\u202eabc\u0301\u0301',
  '\ufeff',
  'ﷺ'.repeat(50),
  '你'.repeat(100),
  'e\u0301'.repeat(60),
  '{"a":1}',
  "'; DROP TABLE requests; --",
  '../../etc/passwd',
  '\r\nx-injected: 1',
  'a'.repeat(131_072),
  'a'.repeat(131_073),
  'word '.repeat(20_000),
);
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }) },
  { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 200 }) },
  { weight: 1, arbitrary: nasty },
);
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  text,
  fc.constantFrom<unknown>(null, -0, 1e308, -1, 0.5, 2 ** 53, true, [], {}, [[]], [null], { type: null }),
);

/** Mostly the real thing, now and then anything at all. */
const mostly = <T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 40, arbitrary: good }, { weight: 1, arbitrary: anything });

const model = mostly(
  fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(SUMMARY, IAB) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('llama-3.1-8b-instruct-fast', 'gpt-4o', '__proto__', 'constructor'),
    },
  ),
);
const role = fc.constantFrom('user', 'system', 'assistant', 'developer');
const messages = (type: string) =>
  fc.array(
    fc.record(
      {
        role: mostly(role),
        content: mostly(
          fc.oneof(
            text,
            fc.array(fc.record({ type: mostly(fc.constant(type)), text: mostly(text) }), {
              minLength: 1,
              maxLength: 3,
            }),
          ),
        ),
        tool_calls: mostly(fc.constant(null)),
        tool_call_id: mostly(fc.constant('call_1')),
      },
      { requiredKeys: ['role', 'content'] },
    ),
    { minLength: 1, maxLength: 4 },
  );
const options = {
  metadata: mostly(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })),
  temperature: mostly(fc.double({ min: 0, max: 2, noNaN: true })),
  top_p: mostly(fc.double({ min: 0, max: 1, noNaN: true })),
  seed: mostly(fc.integer()),
  stream: mostly(fc.boolean()),
  user: mostly(text),
  max_tokens: mostly(fc.integer({ min: 1 })),
  unknown: anything,
};

const responsesBody = fc.record(
  {
    model,
    input: mostly(fc.oneof(text, messages('input_text'))),
    instructions: mostly(text),
    text: mostly(
      fc.constantFrom({ format: { type: 'text' } }, { format: { type: 'json_schema', name: 'a' } }, {}),
    ),
    max_output_tokens: mostly(fc.integer({ min: 1 })),
    ...options,
  },
  { requiredKeys: ['model', 'input'] },
);
const chatBody = fc.record(
  {
    model,
    messages: mostly(messages('text')),
    stop: mostly(fc.array(fc.string(), { maxLength: 4 })),
    n: mostly(fc.constant(1)),
    stream_options: mostly(fc.constantFrom({ include_usage: true }, {})),
    response_format: mostly(fc.constantFrom({ type: 'json_object' }, { type: 'text' })),
    tools: mostly(fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 3 })),
    tool_choice: anything,
    ...options,
  },
  { requiredKeys: ['model', 'messages'] },
);

const textsBody = fc.record(
  {
    model: mostly(fc.constantFrom(EMBED, MODERATION)),
    input: mostly(
      fc.oneof(
        text,
        fc.array(text, { minLength: 1, maxLength: 5 }),
        fc.array(fc.record({ type: mostly(fc.constant('text')), text: mostly(text) }), { maxLength: 3 }),
        fc.array(fc.integer(), { maxLength: 3 }),
      ),
    ),
    encoding_format: mostly(fc.constantFrom('float', 'base64')),
    dimensions: mostly(fc.integer({ min: 1, max: 300 })),
    stream: mostly(fc.constant(false)),
    user: mostly(text),
    unknown: anything,
  },
  { requiredKeys: ['model', 'input'] },
);
const name = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'person', '7'));
const taskBody = fc.record(
  {
    text: mostly(text),
    input: mostly(text),
    model: mostly(fc.constantFrom(...ALL_ROUTES)),
    enriched: mostly(fc.boolean()),
    max_tokens: mostly(fc.integer({ min: 1 })),
    usecase: mostly(fc.constantFrom('ner', 'json', 'classification', 'redact', 'extract-pii', 'extract')),
    labels: mostly(fc.array(name, { maxLength: 5 })),
    schema: mostly(
      fc.dictionary(name, fc.array(fc.oneof(name, fc.constant('a::[b|c]::str')), { maxLength: 4 })),
    ),
    threshold: mostly(fc.double({ min: 0, max: 1, noNaN: true })),
    categories: mostly(fc.array(fc.constantFrom('contact', 'financial', 'x'), { maxLength: 3 })),
    mask: mostly(fc.oneof(fc.constantFrom('label', 'char', '*'), text)),
    stream: mostly(fc.constant(false)),
    unknown: anything,
  },
  { requiredKeys: [] },
);
const TASK_PATHS = ['/v1/summary', '/v1/usecase/classify/iab', '/v1/gliner', '/summary', '/gliner'] as const;

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** What JSON.stringify never writes. */
const oddJson = fc.constantFrom(
  Buffer.from(''),
  Buffer.from('null'),
  Buffer.from('[]'),
  Buffer.from('"text"'),
  Buffer.from('{"model":"a","model":"b","input":"c"}'),
  Buffer.from(`{"__proto__":{"stream":true},"model":"${SUMMARY}","input":"a"}`),
  Buffer.from(`{"constructor":{"prototype":{"x":1}},"model":"${SUMMARY}","input":"a"}`),
  Buffer.from(`{"model":"${SUMMARY}","input":"a","temperature":1e999}`),
  Buffer.from(`{"model":"${SUMMARY}","input":"a","seed":${'9'.repeat(400)}}`),
  Buffer.from(`\ufeff{"model":"${SUMMARY}","input":"a"}`),
  Buffer.from(`{"model":"${SUMMARY}","input":"a"}`, 'utf16le'),
  Buffer.from(`{"model":"${SUMMARY}","input":"\\ud800"}`),
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  Buffer.from(`{"model":"${SUMMARY}","input":"a","metadata":${'{"a":'.repeat(70)}1${'}'.repeat(70)}}`),
);
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const large = fc.constantFrom(Buffer.alloc(5 * 1024 * 1024, 'a'), Buffer.alloc(1024 * 1024, '['));

const FORM = 'multipart/form-data; boundary=x';
/** Forms, and what nearly is one. */
const forms = fc
  .array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          '--x\r\n',
          '\r\n--x\r\n',
          '\r\n--x--\r\n',
          'content-disposition: form-data; name="file"; filename="a"\r\n\r\n',
          'content-disposition: form-data; name="purpose"\r\n\r\nbatch',
          `content-disposition: form-data; name="file"; filename*=UTF-8''%00%ff\r\n\r\n`,
          '\r\n\r\n',
          '{"custom_id":"1"}\n',
        ),
      },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    ),
    { maxLength: 10 },
  )
  .map((pieces) => Buffer.from(`--x\r\n${pieces.join('')}\r\n--x--\r\n`));
const GOOD_FORM = Buffer.from(
  '--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n' +
    '--x\r\ncontent-disposition: form-data; name="file"\r\n\r\n{}\r\n--x--\r\n',
);
const filePaths = fc.oneof(
  { weight: 3, arbitrary: fc.constant('/v1/files') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/v1/files?limit=0&after=%00',
      '/v1/files/file-00000000000000000000000000/content',
      '/v1/files/..%2f..%2fetc',
      '/v1/files/%00',
    ),
  },
);

const endpoints = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(filePaths, fc.oneof(forms, fc.constant(GOOD_FORM), bytes)) },
  { weight: 5, arbitrary: fc.tuple(fc.constant('/v1/responses'), responsesBody.map(json)) },
  { weight: 5, arbitrary: fc.tuple(fc.constant('/v1/chat/completions'), chatBody.map(json)) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom('/v1/embeddings', '/v1/moderations'), textsBody.map(json)),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...TASK_PATHS), taskBody.map(json)) },
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constantFrom(
        '/v1/responses',
        '/v1/chat/completions',
        '/v1/embeddings',
        '/v1/moderations',
        '/v1/gliner',
      ),
      fc.oneof(oddJson, bytes),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.webPath(), bytes) },
);

/** Printable and not: what a header may hold, and what it may not. */
const headerValue = fc.oneof(
  fc.string({ maxLength: 40 }).map((value) => value.replaceAll(/[^\x20-\x7e]/g, '')),
  fc.string({
    unit: fc.integer({ min: 0x80, max: 0xff }).map((code) => String.fromCharCode(code)),
    maxLength: 20,
  }),
  fc.constantFrom('', '0', '-1', 'null', 'a'.repeat(300), '🦊'.repeat(3)),
);
const headers = fc.array(
  fc.oneof(
    fc.tuple(
      fc.constantFrom('idempotency-key', 'x-project-id', 'accept', 'origin', 'x-forwarded-for'),
      headerValue,
    ),
    fc.tuple(
      fc.constant('content-type'),
      fc.constantFrom(
        '',
        'text/plain',
        'application/json; charset=latin1',
        'APPLICATION/JSON',
        'multipart/form-data',
        ';;;',
      ),
    ),
    fc.tuple(fc.constant('content-encoding'), fc.constantFrom('gzip', 'br', 'identity', '')),
    fc.tuple(
      fc.constantFrom('expect', 'upgrade', 'connection', 'te'),
      fc.constantFrom('100-continue', 'websocket', 'upgrade', 'close', 'x'),
    ),
  ),
  { maxLength: 2 },
);

const key = fc.oneof(
  { weight: 8, arbitrary: fc.constant('good' as const) },
  { weight: 1, arbitrary: fc.constantFrom('bad' as const, 'none' as const) },
);

const draft = (framing: fc.Arbitrary<Draft['framing']>): fc.Arbitrary<Draft> =>
  fc
    .tuple(
      endpoints,
      fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: headers }),
      framing,
      key,
    )
    .map(([[path, body], extra, kind, whose]) => ({
      method: 'POST',
      path,
      headers: path.startsWith('/v1/files') ? [['content-type', FORM] as const, ...extra] : extra,
      body,
      framing: kind,
      key: whose,
    }));

const goodFraming = fc.oneof(
  { weight: 40, arbitrary: draft(fc.constantFrom('length', 'chunked')) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(draft(fc.constantFrom('length', 'chunked')), large)
      .map(([small, body]) => ({ ...small, body })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        draft(fc.constant('length')),
        fc.constantFrom('GET', 'HEAD', 'DELETE', 'PUT', 'OPTIONS', 'PATCH'),
      )
      .map(([made, method]) => ({ ...made, method })),
  },
);
const badFraming = draft(fc.constantFrom('short', 'long', 'both', 'none'));

const garbage: fc.Arbitrary<HostileRequest> = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.constantFrom(
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from('GET / HTTP/9.9\r\nhost: a\r\n\r\n'),
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
      Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`),
      Buffer.from(`GET /${'a'.repeat(40_000)} HTTP/1.1\r\nhost: a\r\n\r\n`),
      Buffer.from('POST /v1/responses HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n'),
      Buffer.from('POST /v1/responses HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n'),
      Buffer.from(
        'GET /v1/nodes/connect HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      ),
      Buffer.from('GET /%ff%00 HTTP/1.1\r\nhost: a\r\n\r\n'),
    ),
  )
  .map((message) => ({ bytes: message, hangsUp: true, framed: false }));

function assemble(
  { method, path, headers: extra, body, framing, key: whose }: Draft,
  apiKey: string,
): HostileRequest {
  const named = new Map<string, string>([
    ['host', 'localhost'],
    ['content-type', 'application/json'],
  ]);
  if (whose !== 'none') named.set('x-api-key', whose === 'good' ? apiKey : `${apiKey.slice(0, -1)}!`);
  for (const [name, value] of extra) named.set(name, value);
  if (framing === 'chunked' || framing === 'both') named.set('transfer-encoding', 'chunked');
  if (framing === 'length' || framing === 'both') named.set('content-length', String(body.length));
  if (framing === 'short') named.set('content-length', String(body.length >> 1));
  if (framing === 'long') named.set('content-length', String(body.length + 1_000));
  const lines = [...named].map(([name, value]) => `${name}: ${value}`);
  const head = Buffer.from([`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'), 'latin1');
  const sent = framing === 'chunked' || framing === 'both' ? chunked(body) : body;
  const framed = framing === 'length' || framing === 'chunked';
  return { bytes: Buffer.concat([head, sent]), hangsUp: !framed, framed };
}

function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += 64 * 1024) {
    const part = body.subarray(at, at + 64 * 1024);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** One caller: sends requests one after the other, on one connection for as long as the server keeps it. */
export class HostileCaller {
  readonly #url: string;
  #connection: RawConnection | null = null;

  constructor(url: string) {
    this.#url = url;
  }

  /** The answer; null when the server hung up, or the caller did not wait for one. */
  async send({ bytes: message, hangsUp, framed }: HostileRequest): Promise<RawAnswer | null> {
    this.#connection ??= await RawConnection.open(this.#url);
    await this.#connection.write(message);
    // Something that is no whole message may never be answered: what the server says at once is all that is read.
    if (hangsUp) this.#connection.end();
    const answer = await this.#connection.answer({ head: message.subarray(0, 5).toString() === 'HEAD ' });
    if (!framed || answer === null || answer.headers.get('connection') === 'close') await this.close();
    return answer;
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    connection?.destroy();
    await connection?.closed;
  }
}

/** What is wrong with an answer to a hostile request; null when nothing is. */
export function misbehaviour(answer: RawAnswer | null): string | null {
  if (answer === null) return null;
  const { status, headers: told, body } = answer;
  // 503 is the truth about a model that nothing serves.
  if (status >= 500 && status !== 503) return `status ${status}: ${body.slice(0, 200)}`;
  if (!told.get('x-request-id')?.startsWith('req_')) return `status ${status} without an x-request-id`;
  if (status < 400 || body === '') return null;
  return isEnvelope(body) ? null : `status ${status} without the envelope: ${body.slice(0, 200)}`;
}

function isEnvelope(body: string): boolean {
  try {
    const { error } = JSON.parse(body);
    return (
      typeof error.message === 'string' &&
      typeof error.type === 'string' &&
      'code' in error &&
      'param' in error
    );
  } catch {
    return false;
  }
}

export interface HostileLoad {
  readonly url: string;
  readonly apiKey: string;
  readonly count: number;
  /** Connections at the same time. */
  readonly callers: number;
  readonly seed: number;
}

export interface HostileReport {
  readonly sent: number;
  /** HTTP status → how often; 0 counts those that got no answer. */
  readonly statuses: Readonly<Record<number, number>>;
  /** The first few requests that were not answered as they should be. */
  readonly misbehaviours: readonly string[];
}

/** Made at once, so that a long run holds only so many in memory. */
const SLICE = 200;
const MAX_REPORTED = 5;

/** Sends `count` hostile requests. The same seed makes the same ones. */
export async function sendHostile({
  url,
  apiKey,
  count,
  callers,
  seed,
}: HostileLoad): Promise<HostileReport> {
  const arbitrary = hostileRequests(apiKey);
  const statuses: Record<number, number> = {};
  const misbehaviours: string[] = [];
  const all = Array.from({ length: callers }, () => new HostileCaller(url));
  let waiting: HostileRequest[] = [];
  let made = 0;
  const next = (): HostileRequest | undefined => {
    if (waiting.length === 0 && made < count) {
      const numRuns = Math.min(SLICE, count - made);
      waiting = fc.sample(arbitrary, { seed: seed + made, numRuns });
      made += numRuns;
    }
    return waiting.pop();
  };
  const work = async (caller: HostileCaller) => {
    for (let request = next(); request !== undefined; request = next()) {
      const answer = await caller.send(request);
      const status = answer?.status ?? 0;
      statuses[status] = (statuses[status] ?? 0) + 1;
      const wrong = misbehaviour(answer);
      if (wrong !== null && misbehaviours.length < MAX_REPORTED) {
        misbehaviours.push(`${wrong} to ${JSON.stringify(request.bytes.toString('latin1', 0, 600))}`);
      }
    }
    await caller.close();
  };
  await Promise.all(all.map(work));
  return { sent: made, statuses, misbehaviours };
}
