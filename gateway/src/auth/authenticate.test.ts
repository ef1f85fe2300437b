import { API_KEY_PREFIX, JOIN_TOKEN_PREFIX, makeSecret } from '@zerogpu/protocol';
import { describe, expect, test, vi } from 'vitest';
import { RefusedKey, UNLIMITED } from '../flow.ts';
import { authenticate, type KeyRecord } from './authenticate.ts';

const KEY = makeSecret(API_KEY_PREFIX);
const OTHER = makeSecret(API_KEY_PREFIX);
const PROJECT = '0b6e2f0c-4a53-4a8b-9c6d-2f6f4c3f1a11';
const record: KeyRecord = {
  keyId: 'k',
  projectId: PROJECT,
  projectActive: true,
  organizationId: 'o',
  walletId: 'w',
  allowedModels: null,
  limits: UNLIMITED,
  standIns: null,
  privacy: 'own',
  upstreams: false,
  payloadPolicy: 'errors',
  payloadDays: 30,
  ended: false,
};

const keys = (changes: Partial<KeyRecord> = {}) => ({
  find: vi.fn(async (key: string) => (key === KEY ? { ...record, ...changes } : null)),
});
const ask = (headers: Record<string, string>, known = keys()) => authenticate(known, headers, 5);

describe('authenticate', () => {
  test.each([
    { 'x-api-key': KEY },
    { authorization: `Bearer ${KEY}` },
    { authorization: `bearer  ${KEY} ` },
    { 'x-api-key': KEY, authorization: 'Bearer dummy' },
    { 'x-api-key': '', authorization: `Bearer ${KEY}` },
    { 'x-api-key': KEY, 'x-project-id': PROJECT },
    { 'x-api-key': KEY, 'x-project-id': PROJECT.toUpperCase() },
  ])('knows %j', async (headers) => {
    const { allowedModels, limits, standIns, payloadPolicy, payloadDays, ...rest } = await ask({
      ...headers,
    });
    const { privacy, upstreams, ...caller } = rest;
    expect([privacy, upstreams]).toEqual(['own', false]);
    expect(caller).toEqual({ keyId: 'k', projectId: PROJECT, organizationId: 'o', walletId: 'w' });
    expect([allowedModels, limits, standIns]).toEqual([null, UNLIMITED, null]);
    expect([payloadPolicy, payloadDays]).toEqual(['errors', 30]);
  });

  test.each([
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: `Basic ${KEY}` },
    { 'x-api-key': OTHER },
    { 'x-api-key': `${KEY}x` },
    { 'x-api-key': `${KEY}, ${KEY}` },
    { 'x-api-key': 'sk-1234', authorization: `Bearer ${KEY}` },
    { authorization: `Bearer ${makeSecret(JOIN_TOKEN_PREFIX)}` },
    { 'x-api-key': '__proto__' },
  ])('does not know %j, and does not repeat it', async (headers: Record<string, string>) => {
    const error = await ask(headers).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'invalid_api_key' });
    for (const value of Object.values(headers)) {
      if (value.length > 10) expect(String(error)).not.toContain(value);
    }
  });

  test('a mistyped key is found out without a look at the database', async () => {
    const known = keys();
    await expect(ask({ 'x-api-key': `${KEY.slice(0, -1)}!` }, known)).rejects.toThrow('mistyped');
    expect(known.find).not.toHaveBeenCalled();
  });

  test('a key that ended is no key', async () => {
    await expect(ask({ 'x-api-key': KEY }, keys({ ended: true }))).rejects.toMatchObject({
      code: 'invalid_api_key',
    });
  });

  test.each(['', 'another', PROJECT.slice(1)])(
    'the project %j is not the one of the key',
    async (project) => {
      const headers = { 'x-api-key': KEY, 'x-project-id': project };
      await expect(ask(headers)).rejects.toMatchObject({ code: 'invalid_project' });
    },
  );

  test.each([
    [{ ended: true }, {}],
    [{ projectActive: false }, {}],
    [{}, { 'x-project-id': 'another' }],
  ])(
    'a refusal of a known key knows whose it is: %j %j',
    async (changes, headers: Record<string, string>) => {
      const refused = ask({ 'x-api-key': KEY, ...headers }, keys(changes));
      const key = { keyId: 'k', projectId: PROJECT };
      await expect(refused).rejects.toMatchObject({ cause: new RefusedKey(key) });
      await expect(ask({ 'x-api-key': OTHER })).rejects.toMatchObject({ cause: undefined });
    },
  );

  test('the key of an archived project is refused', async () => {
    await expect(ask({ 'x-api-key': KEY }, keys({ projectActive: false }))).rejects.toMatchObject({
      code: 'invalid_project',
    });
  });

  test('fails closed', async () => {
    const broken = { find: () => Promise.reject(new Error('no database')) };
    await expect(authenticate(broken, { 'x-api-key': KEY }, 5)).rejects.toThrow('no database');
  });

  test('hands on which models are allowed', async () => {
    const { allowedModels } = await ask({ 'x-api-key': KEY }, keys({ allowedModels: ['a', 'b'] }));
    expect(allowedModels).toEqual(new Set(['a', 'b']));
  });
});
