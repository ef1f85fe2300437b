/** Commands of the operator, as processes of their own. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from './support/managed-process.ts';
import { TestGateway } from './support/test-gateway.ts';

const run = promisify(execFile);
/** Guards against hanging. */
const TIMEOUT_MS = 60_000;

describe('npm run admin', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start();
  });
  afterAll(() => gateway.stop());

  const command = (...args: readonly string[]) =>
    run(process.execPath, [path.join(ROOT, 'gateway/src/operator.ts'), ...args], {
      env: {
        PATH: process.env['PATH'],
        ZEROGPU_DATA_DIR: gateway.gateway.dataDir,
        ZEROGPU_PUBLIC_URL: 'https://ai.example.com',
      },
      timeout: TIMEOUT_MS,
    });

  it('prints a link that works, beside the running gateway', async () => {
    const one = await gateway.signUp();
    const { stdout } = await command('reset-link', one.email);
    const token = /^https:\/\/ai\.example\.com\/reset-password#(zgpu-reset-\w+)\n$/.exec(stdout)?.[1];
    const reset = await gateway.admin(null, '/api/auth/reset-password', {
      token,
      password: 'the new password',
    });
    expect(reset.status).toBe(204);
    await gateway.signIn(one.email, 'the new password');
    expect((await gateway.admin(one, '/api/session')).status).toBe(401);
    expect(gateway.told).toEqual([]);
  });

  it('says what is wrong, and never a stack', async () => {
    const failed = async (...args: readonly string[]) => command(...args).catch((error: unknown) => error);
    expect(await failed('reset-link', 'nobody@example.com')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'There is no account with the address nobody@example.com\n',
    });
    for (const args of [[], ['reset-link'], ['reset', 'a@example.com'], ['reset-link', 'a', 'b']]) {
      expect(await failed(...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Usage: /) });
    }
  });

  it('lists, adds and removes operators, beside the running gateway', async () => {
    const one = await gateway.signUp();
    const lines = async () => (await command('operator', 'list')).stdout.trimEnd().split('\n');
    expect(await lines()).toEqual(['admin@zerogpu.localhost  Admin']);
    expect((await gateway.admin(one, '/api/fleet/totals')).status).toBe(404);
    // However it is written, and twice is once.
    await command('operator', 'add', one.email.toUpperCase());
    await command('operator', 'add', one.email);
    expect(await lines()).toEqual(['admin@zerogpu.localhost  Admin', `${one.email}  ${one.name}`]);
    expect((await gateway.admin(one, '/api/fleet/totals')).status).toBe(200);
    expect((await gateway.admin(one, '/api/session')).json.operator).toBe(true);
    await command('operator', 'remove', one.email);
    expect((await gateway.admin(one, '/api/fleet/totals')).status).toBe(404);
    const failed = async (...args: readonly string[]) => command(...args).catch((error: unknown) => error);
    expect(await failed('operator', 'remove', one.email)).toMatchObject({
      code: 1,
      stderr: `There is no operator with the address ${one.email}\n`,
    });
    expect(await failed('operator', 'add', 'nobody@example.com')).toMatchObject({
      code: 1,
      stderr: 'There is no account with the address nobody@example.com\n',
    });
    for (const args of [
      ['operator'],
      ['operator', 'add'],
      ['operator', 'list', 'x'],
      ['operator', 'x', 'y'],
    ]) {
      expect(await failed(...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Usage: /) });
    }
  });
});
