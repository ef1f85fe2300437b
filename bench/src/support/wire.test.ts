import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findEnding, postBytes, WireConnection } from './wire.ts';

const withLength = (body: string): Buffer =>
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
const inChunks = (...pieces: string[]): Buffer =>
  Buffer.from(
    `HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n${pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`,
  );

describe('findEnding', () => {
  test('is null until the last byte, wherever the answer is cut', () => {
    const answer = fc.oneof(
      fc.string({ unit: 'grapheme' }).map(withLength),
      fc.array(fc.stringMatching(/^[a-z0-9é]+$/)).map((pieces) => inChunks(...pieces)),
    );
    fc.assert(
      fc.property(answer, fc.nat(), (bytes, at) => {
        expect(findEnding(bytes.subarray(0, at % bytes.length))).toBeNull();
        expect(findEnding(bytes)?.end).toBe(bytes.length);
        expect(findEnding(Buffer.concat([bytes, Buffer.from('x')]))?.end).toBe(bytes.length);
      }),
    );
  });

  test('reads the status, and refuses an answer without an end of its own', () => {
    expect(findEnding(withLength(''))?.status).toBe(200);
    expect(findEnding(inChunks('a'))?.status).toBe(201);
    expect(() => findEnding(Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n'))).toThrow('neither');
  });
});

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('WireConnection', () => {
  test('carries one request after the other on one socket', async () => {
    const seen: unknown[] = [];
    const port = await listen(async (request, response) => {
      let body = '';
      for await (const piece of request) body += piece;
      seen.push([request.method, request.url, request.headers['x-a'], body, request.socket.remotePort]);
      if (seen.length % 2 === 0) response.setHeader('content-length', 4);
      else response.write('An');
      response.end(seen.length % 2 === 0 ? 'Four' : 'swer');
    });
    const connection = await WireConnection.open(port);
    onTestFinished(() => connection.close());
    const request = postBytes(port, '/p', { 'x-a': '1' }, '{"é":1}');
    const answers = [];
    for (let i = 0; i < 4; i++)
      answers.push(
        String(await connection.send(request))
          .split('\r\n')
          .slice(0, 1)[0],
      );
    expect(answers).toEqual(new Array(4).fill('HTTP/1.1 200 OK'));
    expect(new Set(seen.map((entry) => JSON.stringify(entry))).size).toBe(1);
    expect(seen[0]).toEqual(['POST', '/p', '1', '{"é":1}', expect.any(Number)]);
  });

  test('rejects another status with what the server said, and a closed connection', async () => {
    const port = await listen((_, response) => {
      response.writeHead(420);
      response.end('no balance');
    });
    const connection = await WireConnection.open(port);
    await expect(connection.send(postBytes(port, '/', {}, ''))).rejects.toThrow(
      /Status 420[\s\S]*no balance/,
    );
    const endless = await listen((_, response) => {
      response.socket?.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nno end');
    });
    const third = await WireConnection.open(endless);
    await expect(third.send(postBytes(endless, '/', {}, ''))).rejects.toThrow(/Not an answer: [\s\S]*no end/);
    third.close();
    const closing = await listen((_, response) => response.destroy());
    const other = await WireConnection.open(closing);
    await expect(other.send(postBytes(closing, '/', {}, ''))).rejects.toThrow('closed the connection');
    expect(() => other.send(postBytes(closing, '/', {}, ''))).toThrow('has closed the connection');
    connection.close();
  });
});
