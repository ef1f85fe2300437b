import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirError, loadSecrets, SecretError, Secrets } from './secrets.ts';

/** A user without rights on every Unix. */
const NOBODY = 65_534;
const one = new Secrets('the first secret, which is long enough');
const two = new Secrets('the second secret, which is long enough');

describe('Secrets', () => {
  it('hashes a key the same way every time, and differently with another secret', () => {
    expect(one.hashKey('k')).toEqual(new Secrets('the first secret, which is long enough').hashKey('k'));
    expect(one.hashKey('k')).toHaveLength(32);
    expect(one.hashKey('k')).not.toEqual(two.hashKey('k'));
    expect(one.hashKey('k')).not.toEqual(one.hashKey('K'));
    expect(one.fingerprint()).not.toEqual(two.fingerprint());
  });

  it('hashes sessions and links with a key of their own', () => {
    expect(one.hashToken('k')).toEqual(new Secrets('the first secret, which is long enough').hashToken('k'));
    expect(one.hashToken('k')).toHaveLength(32);
    expect(one.hashToken('k')).not.toEqual(two.hashToken('k'));
    expect(one.hashToken('k')).not.toEqual(one.hashKey('k'));
  });

  it('seals the words of our own processes with a key of its own', () => {
    expect(one.seal('k')).toEqual(new Secrets('the first secret, which is long enough').seal('k'));
    const all = [one.seal('k'), one.seal('K'), two.seal('k'), one.hashKey('k'), one.hashToken('k')];
    expect(new Set(all.map(String)).size).toBe(all.length);
  });

  it('gives back any text that it encrypted, each time another ciphertext', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, context) => {
        const sealed = one.encrypt(text, context);
        expect(one.decrypt(sealed, context)).toBe(text);
        expect(one.encrypt(text, context)).not.toEqual(sealed);
      }),
    );
  });

  it('refuses what was changed anywhere, cut off, or made with another secret or context', () => {
    const sealed = one.encrypt('text', 'context');
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i]! ^= 1;
      expect(() => one.decrypt(changed, 'context')).toThrow(SecretError);
      expect(() => one.decrypt(sealed.subarray(0, i), 'context')).toThrow(SecretError);
    }
    expect(() => two.decrypt(sealed, 'context')).toThrow(SecretError);
    expect(() => one.decrypt(sealed, 'other')).toThrow(SecretError);
  });

  it('refuses a short secret', () => {
    expect(() => new Secrets('x'.repeat(31))).toThrow('at least 32 characters');
  });
});

describe('loadSecrets', () => {
  let dataDir = '';
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'zerogpu-secrets-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it('makes a secret once, also when several start at once, readable by its owner only', async () => {
    const loaded = await Promise.all(Array.from({ length: 8 }, () => loadSecrets(dataDir, null)));
    const later = await loadSecrets(dataDir, null);
    for (const secrets of loaded) expect(secrets.fingerprint()).toEqual(later.fingerprint());
    expect((await stat(join(dataDir, 'secret'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(dataDir, 'secret'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  });

  it('prefers the configured one and writes none', async () => {
    const secrets = await loadSecrets(dataDir, 'configured, and long enough for its purpose');
    expect(secrets.fingerprint()).toEqual(
      new Secrets('configured, and long enough for its purpose').fingerprint(),
    );
    await expect(stat(join(dataDir, 'secret'))).rejects.toThrow('ENOENT');
  });

  it('makes the data directory, also for a configured one', async () => {
    const folder = join(dataDir, 'not', 'there', 'yet');
    await loadSecrets(folder, 'configured, and long enough for its purpose');
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  it('says what to do when the data directory is a file, or beneath one', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    for (const folder of [file, join(file, 'deeper')]) {
      const refusal = await loadSecrets(folder, null).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(DataDirError);
      expect(String(refusal)).toContain(`The data directory ${folder} is no folder`);
    }
  });

  it('says what to do when it may not be written', async () => {
    await chmod(dataDir, 0o500);
    // Nothing is closed to root: that half is seen by whoever runs without its rights.
    const root = process.getuid?.() === 0;
    if (root) process.seteuid?.(NOBODY);
    try {
      await expect(loadSecrets(dataDir, null)).rejects.toThrow('may not read and write the data directory');
    } finally {
      if (root) process.seteuid?.(0);
    }
  });

  it('says what to do when the file is cut off, and does not replace it', async () => {
    await writeFile(join(dataDir, 'secret'), '');
    await expect(loadSecrets(dataDir, null)).rejects.toThrow('Put the file back from a backup');
    expect(await readFile(join(dataDir, 'secret'), 'utf8')).toBe('');
  });
});
