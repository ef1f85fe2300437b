import { expect, test } from 'vitest';
import { readAddress } from './address.ts';

test.each([
  ['http://10.0.0.7:8080', 'http://10.0.0.7:8080', null],
  ['10.0.0.7:8080', 'http://10.0.0.7:8080', null],
  ['laptop.local:8080/', 'http://laptop.local:8080', null],
  ['[fd00::7]:8080', 'http://[fd00::7]:8080', null],
  ['https://ai.example.com', 'https://ai.example.com', null],
  ['ws://10.0.0.7:8080/v1/nodes/connect', 'http://10.0.0.7:8080', null],
  ['WSS://ai.example.com', 'https://ai.example.com', null],
  ['http://10.0.0.7:8080/node?token=abc', 'http://10.0.0.7:8080', 'abc'],
])('%j is the gateway at %s', (text, url, token) => {
  expect(readAddress(text)).toEqual({ url, token });
});

test.each([
  ['', 'looks like'],
  ['ftp://10.0.0.7', 'looks like'],
  ['http://', 'looks like'],
  ['ai.example.com', 'https://ai.example.com, or ai.example.com:8080'],
  ['http://me:secret@10.0.0.7:8080', 'no user and no password'],
  ['http://10.0.0.7:8080/v1', 'at the root of its address: http://10.0.0.7:8080'],
])('%j is none, and is told why', (text, words) => {
  expect(() => readAddress(text)).toThrow(words);
});
