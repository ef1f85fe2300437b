import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { unitText } from './unit.ts';

const OPTIONS = {
  command: [process.execPath, '/opt/zero gpu/100%/zerogpu.mjs', 'node', 'run', '--state', '/var/lib/$x'],
  gateway: 'https://ai.example.com',
  environment: { NODE_EXTRA_CA_CERTS: '/etc/ca "50%".pem' },
};

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).error === undefined;

describe.each(['system', 'user'] as const)('the unit of the %s', (kind) => {
  const text = unitText({ ...OPTIONS, kind });

  it('keeps words together, and nothing in them means anything to systemd', () => {
    expect(text).toContain(` "/opt/zero gpu/100%%/zerogpu.mjs" node run --state "/var/lib/$$x"\n`);
    expect(text).toContain('Environment="NODE_EXTRA_CA_CERTS=/etc/ca \\"50%%\\".pem"');
  });

  it('holds no line that a path or an address brought in', () => {
    const evil = '/srv/a\nb\rExecStartPre=/bin/evil\tc\x7f';
    const lines = unitText({
      kind,
      command: [evil],
      gateway: `http://x${evil}`,
      environment: { NODE_EXTRA_CA_CERTS: evil },
    }).split(/[\n\r]/);
    expect(lines.filter((line) => line.startsWith('Exec'))).toEqual([
      'ExecStart="/srv/a\\x0ab\\x0dExecStartPre=/bin/evil\\x09c\\x7f"',
    ]);
  });

  it('is not started again where that changes nothing', () => {
    expect(text).toContain('RestartPreventExitStatus=2');
  });

  it.skipIf(!hasAnalyze)('passes systemd’s own check (needs systemd-analyze)', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'zerogpu-unit-'));
    try {
      const file = path.join(folder, 'zerogpu-node.service');
      writeFileSync(
        file,
        unitText({ ...OPTIONS, kind, command: [process.execPath, ...OPTIONS.command.slice(1)] }),
      );
      const scope = kind === 'user' ? ['--user'] : [];
      const done = spawnSync('systemd-analyze', [...scope, 'verify', '--man=no', file], { encoding: 'utf8' });
      const ours = done.stderr.split('\n').filter((line) => line.includes('zerogpu-node'));
      expect(ours).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

it('a service of the machine gives its user one folder and nothing else', () => {
  const system = unitText({ ...OPTIONS, kind: 'system' });
  for (const line of [
    'DynamicUser=yes',
    'StateDirectory=zerogpu-node',
    'ProtectSystem=strict',
    'NoNewPrivileges=yes',
  ]) {
    expect(system).toContain(`\n${line}\n`);
  }
  // These need rights that a user's own systemd has not.
  expect(unitText({ ...OPTIONS, kind: 'user' })).not.toContain('DynamicUser');
});
