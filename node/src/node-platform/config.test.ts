import { expect, test } from 'vitest';
import { helpText, readNodeConfig } from './config.ts';

const GATEWAY = ['--gateway', 'ws://127.0.0.1:8080'];

test.each([
  ['ws://127.0.0.1:8080', 'ws://127.0.0.1:8080/v1/nodes/connect'],
  ['http://127.0.0.1:8080/', 'ws://127.0.0.1:8080/v1/nodes/connect'],
  ['https://gateway.example.com', 'wss://gateway.example.com/v1/nodes/connect'],
  ['wss://gateway.example.com/behind/a/proxy', 'wss://gateway.example.com/behind/a/proxy'],
])('--gateway %s is %s', (given, expected) => {
  expect(readNodeConfig(['--gateway', given], {})?.gatewayUrl).toBe(expected);
});

test('the environment says what flags do not', () => {
  const env = { ZEROGPU_GATEWAY_URL: 'ws://127.0.0.1:1', ZEROGPU_JOIN_TOKEN: 'from the environment' };
  expect(readNodeConfig([], env)).toMatchObject({
    gatewayUrl: 'ws://127.0.0.1:1/v1/nodes/connect',
    joinToken: { text: 'from the environment' },
  });
  expect(readNodeConfig([...GATEWAY, '--token-file', '/a/file'], env)).toMatchObject({
    gatewayUrl: 'ws://127.0.0.1:8080/v1/nodes/connect',
    joinToken: { file: '/a/file' },
  });
});

test('has defaults for all but the gateway', () => {
  expect(readNodeConfig(GATEWAY, {})).toMatchObject({ joinToken: null, slots: 16, memoryBytes: null });
});

test('reads numbers and units', () => {
  const config = readNodeConfig([...GATEWAY, '--slots', '3', '--memory', '64', '--name', 'attic'], {});
  expect(config).toMatchObject({ slots: 3, memoryBytes: 64 * 1024 * 1024, name: 'attic' });
});

test('reads what its owner allows', () => {
  const limits = [
    '--cpu',
    '25',
    '--disk',
    '100',
    '--only',
    'zlm-v1-*-edge, zlm-v1-summary-cloud',
    '--idle-only',
  ];
  expect(
    readNodeConfig([...GATEWAY, ...limits, '--place=-33.9,151.2', '--class', 'phone'], {}),
  ).toMatchObject({
    cpuShare: 0.25,
    diskBytes: 100 * 1024 * 1024,
    modelsAllowed: ['zlm-v1-*-edge', 'zlm-v1-summary-cloud'],
    idleOnly: true,
    place: { latitude: -33.9, longitude: 151.2 },
    deviceClass: 'phone',
  });
  expect(readNodeConfig(GATEWAY, {})).toMatchObject({
    cpuShare: 1,
    modelsAllowed: null,
    idleOnly: false,
    place: null,
    deviceClass: null,
  });
});

test.each([
  [[], 'Say which gateway'],
  [['--gateway', 'nonsense'], 'not "nonsense"'],
  [['--gateway', 'ftp://a'], 'not "ftp://a"'],
  [[...GATEWAY, '--slots', '0'], '--slots must be an integer from 1 to 1024, not "0"'],
  [[...GATEWAY, '--slots', '1e3'], 'not "1e3"'],
  [[...GATEWAY, '--memory', '-1'], '--memory'],
  [[...GATEWAY, '--cpu', '0'], '--cpu must be an integer from 1 to 100, not "0"'],
  [[...GATEWAY, '--cpu', '101'], '--cpu'],
  [[...GATEWAY, '--disk', 'all'], '--disk'],
  [[...GATEWAY, '--only', ''], '--only must be ids of models'],
  [[...GATEWAY, '--only', '../etc passwd'], '--only'],
  [[...GATEWAY, '--place', '91,0'], '--place must be degrees'],
  [[...GATEWAY, '--place', '52.5'], 'not "52.5"'],
  [[...GATEWAY, '--place', '1e1,2'], '--place'],
  [[...GATEWAY, '--class', 'browser'], '--class must be server, desktop or phone, not "browser"'],
  [[...GATEWAY, '--idle-only', 'yes'], "Unexpected argument 'yes'"],
  [[...GATEWAY, '--name', ''], '--name must have 1 to 128 characters'],
  [[...GATEWAY, '--slot', '1'], "Unknown option '--slot'; --help lists what there is"],
  [[...GATEWAY, 'stray'], "Unexpected argument 'stray'"],
])('refuses %j', (args, message) => {
  expect(() => readNodeConfig(args, {})).toThrow(message);
});

test('help names every flag', () => {
  expect(readNodeConfig(['--help'], {})).toBeNull();
  expect(readNodeConfig(['-h'], {})).toBeNull();
  expect(helpText()).toContain('--token-file FILE');
});
