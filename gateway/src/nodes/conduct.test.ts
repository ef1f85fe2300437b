import { describe, expect, it } from 'vitest';
import { Bans } from './bans.ts';
import { Conduct } from './conduct.ts';

const MIB = 1024 * 1024;

describe('what a node may send', () => {
  it('is a quarter of a megabyte before it is welcome, and no more however long it takes', () => {
    const conduct = new Conduct(0);
    expect(conduct.bytes(256 * 1024, 0, 0)).toBeNull();
    expect(conduct.bytes(1, 0, 9_000)).toBe('too much data');
  });

  it('is little while it has no runs, and grows back', () => {
    const conduct = new Conduct(0);
    conduct.welcomed(0);
    expect(conduct.bytes(MIB, 0, 0)).toBeNull();
    expect(conduct.bytes(64 * 1024, 0, 1000)).toBeNull();
    expect(conduct.bytes(1, 0, 1000)).toBe('too much data');
  });

  it('is enough for the answers of its runs, and not kept when they are over', () => {
    const conduct = new Conduct(0);
    conduct.welcomed(0);
    for (let i = 0; i < 3; i++) conduct.runBegan();
    expect(conduct.bytes(36 * MIB, 3, 0)).toBeNull();
    for (let i = 0; i < 100; i++) conduct.runBegan();
    // They ended with a word each.
    expect(conduct.bytes(10, 1, 0)).toBeNull();
    expect(conduct.bytes(14 * MIB, 0, 0)).toBe('too much data');
  });

  it('is fifty frames of its own a second', () => {
    const conduct = new Conduct(0);
    for (let i = 0; i < 200; i++) expect(conduct.ownFrame(0)).toBeNull();
    expect(conduct.ownFrame(0)).toBe('too many frames');
    const steady = new Conduct(0);
    for (let i = 0; i < 5000; i++) expect(steady.ownFrame(i * 20)).toBeNull();
  });

  it('is ten invalid frames in a row, or twenty among valid ones', () => {
    const conduct = new Conduct(0);
    for (let i = 0; i < 9; i++) expect(conduct.invalid(0)).toBeNull();
    expect(conduct.invalid(0)).toBe('too many invalid frames');
    const mixed = new Conduct(0);
    for (let i = 0; i < 20; i++) {
      expect(mixed.stray(0)).toBeNull();
      mixed.valid();
    }
    expect(mixed.stray(0)).toBe('too many invalid frames');
  });
});

describe('bans', () => {
  it('come with the third offence, double each time, and end', () => {
    const bans = new Bans();
    bans.note('a', 0);
    bans.note('a', 1);
    expect(bans.leftMs('a', 1)).toBe(0);
    bans.note('a', 2);
    expect(bans.leftMs('a', 2)).toBe(60_000);
    expect(bans.leftMs('a', 60_002)).toBe(0);
    bans.note('a', 100_000);
    expect(bans.leftMs('a', 100_000)).toBe(120_000);
    for (let i = 0; i < 40; i++) bans.note('a', 200_000);
    expect(bans.leftMs('a', 200_000)).toBe(24 * 3_600_000);
    expect(bans.leftMs('b', 200_000)).toBe(0);
  });

  it('are forgotten after a day', () => {
    const bans = new Bans();
    for (let i = 0; i < 3; i++) bans.note('a', 0);
    bans.note('a', 25 * 3_600_000);
    expect(bans.leftMs('a', 25 * 3_600_000)).toBe(0);
  });

  it('are of ten thousand nodes at most', () => {
    const bans = new Bans();
    for (let i = 0; i < 3; i++) bans.note('first', 0);
    for (let i = 0; i < 10_000; i++) bans.note(String(i), 1);
    expect(bans.leftMs('first', 1)).toBe(0);
  });
});
