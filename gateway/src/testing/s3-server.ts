/**
 * A server that speaks as much of S3's language as the storage does, and keeps all in memory. It refuses what is not
 * signed with its key over what was sent, and does as badly as a test says.
 */
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { S3Location } from '../storage/s3-url.ts';

export type S3Operation =
  | 'AbortMultipartUpload'
  | 'CompleteMultipartUpload'
  | 'CreateMultipartUpload'
  | 'DeleteObject'
  | 'GetObject'
  | 'HeadObject'
  | 'ListMultipartUploads'
  | 'PutObject'
  | 'UploadPart';

export interface S3Asked {
  readonly operation: S3Operation;
  /** With the prefix; empty for a list. */
  readonly key: string;
  /** How many of this operation there were before. */
  readonly before: number;
}

/** What goes wrong: an error is answered. */
export interface S3Error {
  readonly status: number;
  readonly code: string;
}

/** What goes wrong: nothing comes, or half of the body, and then nothing more, or the connection ends. */
export interface S3Break {
  readonly after: 'nothing' | 'half';
  readonly end: 'hang' | 'cut';
}

export type S3Fault = S3Error | S3Break;

export interface S3Upload {
  readonly key: string;
  readonly initiated: Date;
  readonly parts: Map<number, Buffer>;
}

export interface S3Server {
  readonly location: S3Location;
  readonly objects: Map<string, Buffer>;
  readonly uploads: Map<string, S3Upload>;
  readonly asked: S3Asked[];
  /** Null answers as it should; a test puts its own here. */
  fault: (asked: S3Asked) => S3Fault | null;
  close(): Promise<void>;
}

const BUCKET = 'files';
const KEY_ID = 'KEYEXAMPLE';
const SECRET = 'secret/EXAMPLE+of=tests';
/** As of S3: all parts but the last have at least so many bytes. */
const LEAST_PART = 5 * 1024 * 1024;

/** A refusal in S3's words. */
class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

interface Call {
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
}

type State = Pick<S3Server, 'objects' | 'uploads'>;

export async function openS3Server(): Promise<S3Server> {
  const server = createServer((request, response) => {
    void handle(opened, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port');
  const opened: S3Server = {
    location: {
      endpoint: `http://127.0.0.1:${address.port}`,
      region: 'test-1',
      bucket: BUCKET,
      prefix: 'a/prefix/',
      pathStyle: true,
      credentials: { accessKeyId: KEY_ID, secretAccessKey: SECRET },
    },
    objects: new Map(),
    uploads: new Map(),
    asked: [],
    fault: () => null,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return opened;
}

/** As an operator would write it. */
export function s3UrlOf({ endpoint, bucket, prefix, region, credentials }: S3Location): string {
  const who = `${credentials?.accessKeyId}:${credentials?.secretAccessKey}`;
  return `s3://${who}@${new URL(endpoint).host}/${bucket}/${prefix}?region=${region}&tls=off`;
}

async function handle(server: S3Server, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  const path = new URL(request.url ?? '/', 'http://s3');
  const key = decodeURIComponent(path.pathname).slice(`/${BUCKET}/`.length);
  const query = path.searchParams;
  const operation = operationOf(request.method ?? '', key, query);
  const before = server.asked.filter((one) => one.operation === operation).length;
  const asked = { operation, key, before };
  server.asked.push(asked);
  const fault = server.fault(asked);
  const reply = attempt(() => {
    checkSignature(request, path, body);
    if (!path.pathname.startsWith(`/${BUCKET}`)) throw new Refusal(404, 'NoSuchBucket');
    if (fault !== null && 'status' in fault) throw new Refusal(fault.status, fault.code);
    // Whoever hears nothing does not know whether it was done; here it was not.
    if (fault?.after === 'nothing') return { status: 200 };
    return OPERATIONS[operation]({ key, query, headers: request.headers, body }, server);
  });
  send(response, reply, fault !== null && 'end' in fault ? fault : null);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

function operationOf(method: string, key: string, query: URLSearchParams): S3Operation {
  const inUpload = query.has('uploadId');
  if (method === 'PUT') return inUpload ? 'UploadPart' : 'PutObject';
  if (method === 'POST') return inUpload ? 'CompleteMultipartUpload' : 'CreateMultipartUpload';
  if (method === 'DELETE') return inUpload ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'HEAD') return 'HeadObject';
  return key === '' ? 'ListMultipartUploads' : 'GetObject';
}

function attempt(act: () => Reply): Reply {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const body = xml(`<Error><Code>${error.code}</Code><Message>Refused ${SECRET}</Message></Error>`);
    return { status: error.status, body };
  }
}

function send(response: ServerResponse, reply: Reply, fault: S3Break | null): void {
  const { status, headers = {}, body = Buffer.alloc(0) } = reply;
  if (fault?.after !== 'nothing') {
    response.writeHead(status, { 'content-length': body.length, ...headers });
    if (fault === null) return void response.end(body);
    response.write(body.subarray(0, body.length / 2));
  }
  // A moment for what was written to leave; a connection that is cut loses the rest.
  if (fault?.end === 'cut') setTimeout(() => response.destroy(), 5);
}

const OPERATIONS: Record<S3Operation, (call: Call, state: State) => Reply> = {
  PutObject: ({ key, body }, { objects }) => {
    objects.set(key, body);
    return { status: 200, headers: { etag: etagOf(body) } };
  },
  GetObject: ({ key, headers }, { objects }) => {
    const object = objects.get(key);
    if (object === undefined) throw new Refusal(404, 'NoSuchKey');
    const [, start = '', end = ''] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    if (start === '') throw new Refusal(400, 'InvalidArgument');
    if (Number(start) >= object.length) throw new Refusal(416, 'InvalidRange');
    const body = object.subarray(Number(start), Number(end) + 1);
    const range = `bytes ${start}-${Number(start) + body.length - 1}/${object.length}`;
    return { status: 206, headers: { 'content-range': range, etag: etagOf(body) }, body };
  },
  HeadObject: ({ key }, { objects }) => ({ status: objects.has(key) ? 200 : 404 }),
  DeleteObject: ({ key }, { objects }) => {
    objects.delete(key);
    return { status: 204 };
  },
  CreateMultipartUpload: ({ key }, { uploads }) => {
    const id = randomUUID();
    uploads.set(id, { key, initiated: new Date(), parts: new Map() });
    return tagged('InitiateMultipartUploadResult', `<UploadId>${id}</UploadId>`);
  },
  UploadPart: (call, { uploads }) => {
    uploadOf(call, uploads).parts.set(Number(call.query.get('partNumber')), call.body);
    return { status: 200, headers: { etag: etagOf(call.body) } };
  },
  CompleteMultipartUpload: (call, { objects, uploads }) => {
    const { parts } = uploadOf(call, uploads);
    const named = [...call.body.toString().matchAll(/<ETag>(.*?)<\/ETag><PartNumber>(\d+)</g)];
    const bodies = named.map(([, etag = '', number]) => {
      const part = parts.get(Number(number));
      if (part === undefined || etagOf(part) !== etag.replaceAll('&quot;', '"'))
        throw new Refusal(400, 'InvalidPart');
      return part;
    });
    if (bodies.slice(0, -1).some((part) => part.length < LEAST_PART))
      throw new Refusal(400, 'EntityTooSmall');
    if (bodies.length === 0 || bodies.length !== parts.size) throw new Refusal(400, 'MalformedXML');
    objects.set(call.key, Buffer.concat(bodies));
    uploads.delete(call.query.get('uploadId') ?? '');
    return tagged('CompleteMultipartUploadResult', `<Key>${call.key}</Key>`);
  },
  AbortMultipartUpload: (call, { uploads }) => {
    uploadOf(call, uploads);
    uploads.delete(call.query.get('uploadId') ?? '');
    return { status: 204 };
  },
  /** One a page, so that whoever lists must turn pages. */
  ListMultipartUploads: ({ query }, { uploads }) => {
    const all = [...uploads].filter(([, { key }]) => key.startsWith(query.get('prefix') ?? ''));
    const sorted = all.sort(([a], [b]) => (a < b ? -1 : 1));
    const rest = sorted.filter(([id]) => id > (query.get('upload-id-marker') ?? ''));
    const page = rest.slice(0, 1).map(
      ([id, { key, initiated }]) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>
        <NextKeyMarker>${key}</NextKeyMarker><NextUploadIdMarker>${id}</NextUploadIdMarker>`,
    );
    return tagged(
      'ListMultipartUploadsResult',
      `${page.join('')}<IsTruncated>${rest.length > 1}</IsTruncated>`,
    );
  },
};

function uploadOf(call: Call, uploads: State['uploads']): S3Upload {
  const upload = uploads.get(call.query.get('uploadId') ?? '');
  if (upload?.key === call.key) return upload;
  throw new Refusal(404, 'NoSuchUpload');
}

const xml = (text: string) => Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
const tagged = (name: string, inner: string): Reply => ({
  status: 200,
  body: xml(`<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${name}>`),
});
const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`;
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();

/** AWS's Signature Version 4, made again from what came, over the body too. */
function checkSignature(request: IncomingMessage, path: URL, body: Buffer): void {
  const { authorization = '', 'x-amz-date': date, 'x-amz-content-sha256': bodyHash } = request.headers;
  const [, scope = '', signed = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/(\S+), SignedHeaders=(\S+), Signature=(\S+)$/.exec(authorization) ??
    [];
  if (signature === '') throw new Refusal(403, 'AccessDenied');
  if (!authorization.includes(`Credential=${KEY_ID}/`)) throw new Refusal(403, 'InvalidAccessKeyId');
  if (bodyHash !== sha256(body)) throw new Refusal(400, 'XAmzContentSHA256Mismatch');
  const headers = signed.split(';').map((name) => `${name}:${request.headers[name]}\n`);
  const canonical = [
    request.method,
    path.pathname,
    canonicalQuery(path.searchParams),
    headers.join(''),
    signed,
    bodyHash,
  ];
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical.join('\n'))].join('\n');
  const key = scope.split('/').reduce<Buffer | string>((made, part) => hmac(made, part), `AWS4${SECRET}`);
  if (hmac(key, text).toString('hex') !== signature) throw new Refusal(403, 'SignatureDoesNotMatch');
}

function canonicalQuery(query: URLSearchParams): string {
  const pairs = [...query].map((pair) => pair.map(encodeURIComponent).join('='));
  return pairs.sort().join('&');
}
