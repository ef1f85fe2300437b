/** The systemd unit of a node, as text. Pure. */

export interface UnitOptions {
  /** `system`: for the machine, as a user of its own. `user`: for whoever installs it. */
  readonly kind: 'system' | 'user';
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly gateway: string;
  readonly environment: Readonly<Record<string, string>>;
}

export const SERVICE_NAME = 'zerogpu-node';

/** The exit status for what a restart cannot mend: wrong settings, a gateway that will not have this node. */
export const EXIT_FOR_GOOD = 2;
/** A node finishes what runs within 10 s. */
const STOP_SECONDS = 20;
const RESTART_SECONDS = 5;

export function unitText(options: UnitOptions): string {
  const { kind, command, gateway, environment } = options;
  const variables = Object.entries(environment).map(
    ([name, value]) => `Environment=${quoted(`${name}=${value}`, false)}`,
  );
  return [
    '[Unit]',
    `Description=ZeroGPU node for ${gateway.replaceAll(CONTROL, ' ').replaceAll('%', '%%')}`,
    'Wants=network-online.target',
    'After=network-online.target',
    '# A gateway that is away for long is no reason to give up.',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${command.map((word) => quoted(word, true)).join(' ')}`,
    ...variables,
    'Restart=always',
    `RestartSec=${RESTART_SECONDS}`,
    '# Refused by the gateway, or set up wrongly: trying again would change nothing.',
    `RestartPreventExitStatus=${EXIT_FOR_GOOD}`,
    `TimeoutStopSec=${STOP_SECONDS}`,
    '# Whatever else this machine does goes first.',
    'Nice=10',
    'UMask=0077',
    'NoNewPrivileges=yes',
    ...(kind === 'system' ? HARDENING : []),
    '',
    '[Install]',
    `WantedBy=${kind === 'system' ? 'multi-user.target' : 'default.target'}`,
    '',
  ].join('\n');
}

/**
 * It connects out, keeps one folder and computes: everything else is closed. Not MemoryDenyWriteExecute: JavaScript is
 * compiled while it runs.
 */
const HARDENING = [
  '# A user that exists while the service runs, with one folder that it may write to.',
  'DynamicUser=yes',
  `StateDirectory=${SERVICE_NAME}`,
  'StateDirectoryMode=0700',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'CapabilityBoundingSet=',
  'LockPersonality=yes',
  'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
] as const;

/** Any of the ends of a line that systemd knows begins a setting of its own. */
const CONTROL = /\p{Cc}/gu;

/** As systemd reads words: `%` and, in a command, `$` have meanings of their own. */
function quoted(word: string, inCommand: boolean): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll(CONTROL, (mark) => `\\x${mark.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replaceAll('%', '%%');
  const text = inCommand ? escaped.replaceAll('$', '$$$$') : escaped;
  return /^[\w@+=:,./-]+$/.test(text) ? text : `"${text}"`;
}
