import { Value } from '@sinclair/typebox/value';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GatewayFrame, MAX_FRAME_BYTES, NODE_FAILURES, NodeFrame, REFUSALS } from './frames.ts';
import { MAX_TEXT_LENGTH } from './inference.ts';
import { readGatewayFrame } from './read-frame.ts';

const done = {
  type: 'done',
  id: '1',
  text: '',
  reasoning: null,
  finishReason: 'stop',
  inputTokens: 0,
  outputTokens: 0,
  loadMs: 0,
  modelMs: 0.5,
};
const hello = {
  type: 'hello',
  publicKey: 'A'.repeat(43),
  signature: 'A'.repeat(86),
  name: 'n',
  agent: 'a',
  capabilities: { cores: 1, memoryBytes: 0, platform: '', timeZone: '' },
  models: [{ id: 'm', version: '1', slots: 1, resident: false }],
};
const inference = {
  model: 'm',
  messages: [{ role: 'user', content: 'x' }],
  text: 'x',
  texts: null,
  instructions: null,
  metadata: { __proto__: null, a: [1, null] },
  maxOutputTokens: null,
  stream: false,
};

const NODE: readonly object[] = [
  hello,
  { ...hello, joinToken: 'zgpu-join-x' },
  { ...hello, protocols: { oldest: 1, newest: 2 }, software: '0.2.0' },
  { type: 'piece', id: '1', kind: 'reasoning', text: 'x' },
  done,
  ...NODE_FAILURES.map((code) => ({ type: 'failed', id: '1', code, message: '', param: null })),
  { type: 'load', models: hello.models, residentBytes: 0 },
  { type: 'draining' },
  { type: 'alive' },
  { type: 'alive', nonce: 'n' },
];
const GATEWAY: readonly object[] = [
  { type: 'challenge', nonce: 'n'.repeat(43) },
  { type: 'welcome', nodeId: 'node_1', heartbeatMs: 5000 },
  {
    type: 'welcome',
    nodeId: 'node_1',
    heartbeatMs: 5000,
    protocol: 1,
    update: { version: '0.2.0', message: 'get it' },
    models: [{ anything: true }],
  },
  { type: 'notice', kind: 'quarantined', message: 'a wrong answer' },
  ...REFUSALS.map((code) => ({ type: 'refused', code, message: '' })),
  { type: 'run', id: '1', deadlineMs: 0, inference },
  { type: 'run', id: '1', deadlineMs: 0, inference: { ...inference, texts: ['x', 'y'] } },
  { type: 'cancel', id: '1' },
  { type: 'beat' },
  { type: 'beat', nonce: 'n' },
];

describe('frames', () => {
  test.each(NODE)('a node may say %j, a gateway not', (frame) => {
    expect(Value.Check(NodeFrame, frame)).toBe(true);
    expect(readGatewayFrame(JSON.stringify(frame))).toBeNull();
  });

  test.each(GATEWAY)('a gateway may say %j, a node not', (frame) => {
    expect(readGatewayFrame(JSON.stringify(frame))).toEqual(JSON.parse(JSON.stringify(frame)));
    expect(Value.Check(NodeFrame, frame)).toBe(false);
  });

  test.each([
    { ...done, id: '' },
    { ...done, id: 'x'.repeat(65) },
    { ...done, id: 1 },
    { ...done, modelMs: -1 },
    { ...done, modelMs: Number.NaN },
    { ...done, loadMs: Infinity },
    { ...done, outputTokens: 1.5 },
    { ...done, finishReason: 'tool_calls' },
    { ...hello, publicKey: 'A'.repeat(44) },
    { ...hello, models: Array.from({ length: 257 }, () => hello.models[0]) },
    { ...hello, models: [{ ...hello.models[0], slots: 0 }] },
    { ...hello, models: [{ ...hello.models[0], slots: 1025 }] },
    { type: 'failed', id: '1', code: 'toString', message: '', param: null },
    { type: 'piece', id: '1', kind: '__proto__', text: 'x' },
    { type: 'run' },
    [],
    null,
  ])('%j is no frame of a node', (frame) => {
    expect(Value.Check(NodeFrame, frame)).toBe(false);
  });

  test('whatever is sent, reading it throws nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (message) => {
        const frame = readGatewayFrame(message);
        expect(frame === null || Value.Check(GatewayFrame, frame)).toBe(true);
      }),
    );
  });

  test('the longest text fits a frame, twice, as a run carries it', () => {
    const text = '漢'.repeat(MAX_TEXT_LENGTH);
    const messages = [{ role: 'user', content: text }];
    const run = JSON.stringify({
      type: 'run',
      id: '1',
      deadlineMs: 0,
      inference: { ...inference, messages, text },
    });
    expect(new TextEncoder().encode(run).length).toBeLessThan(MAX_FRAME_BYTES);
  });
});
