import { hostname } from 'node:os';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const MODEL = 'llama-3.1-8b-instruct-fast';
const upstream = (changes: object = {}) => {
  const entry = { name: 'u', url: 'http://127.0.0.1:11434/v1', models: { [MODEL]: 'x' }, ...changes };
  return { ZEROGPU_UPSTREAMS: JSON.stringify([entry]) };
};

describe('readConfig', () => {
  test('an empty environment gives the defaults', () => {
    expect(readConfig({ PATH: '/bin', HOME: '/root' })).toEqual({
      host: '127.0.0.1',
      port: 8080,
      dataDir: resolve('.zerogpu'),
      secret: null,
      databaseUrl: null,
      upstreams: [],
      modelOverrides: new Map(),
      standIns: false,
      deadlineMs: 60_000,
      maxBodyBytes: 4 * 1024 * 1024,
      maxInFlight: 4096,
      bodyTimeoutMs: 60_000,
      rateLimit: { requests: null, tokens: null },
      heartbeatMs: 5000,
      s3: null,
      files: { maxBytes: 104_857_600, days: 30, maxStoredBytes: 107_374_182_400 },
      batches: {
        concurrency: 32,
        endpoints: ['/v1/chat/completions'],
        maxLines: 50_000,
        maxFileBytes: 209_715_200,
        maxLineBytes: 1_048_576,
      },
      gatewayName: hostname(),
      internalUrl: null,
      gatewayUrl: null,
      logLevel: 'warn',
      logDays: 396,
      publicUrl: null,
      smtpUrl: null,
      signUp: 'invited',
      trustedProxies: [],
      place: null,
      geoipDb: null,
      webhooksPrivate: false,
      stripe: null,
    });
  });

  test('an empty text is as if it were not set', () => {
    const names = [
      'HOST',
      'PORT',
      'DATABASE_URL',
      'ZEROGPU_SECRET',
      'ZEROGPU_UPSTREAMS',
      'ZEROGPU_STANDINS',
      'ZEROGPU_RATE_LIMIT_TOKENS',
    ];
    expect(readConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readConfig({}));
  });

  test('everything can be set', () => {
    const config = readConfig({
      HOST: '0.0.0.0',
      PORT: '0',
      DATABASE_URL: 'postgresql://u:p@h/d',
      ZEROGPU_DATA_DIR: '/data',
      ZEROGPU_SECRET: 's'.repeat(32),
      ZEROGPU_DEADLINE_MS: '100',
      ZEROGPU_RATE_LIMIT_REQUESTS: '60',
      ZEROGPU_GATEWAY_NAME: 'gw-1',
      ZEROGPU_LOG_LEVEL: 'debug',
      ZEROGPU_LOG_DAYS: '30',
      ZEROGPU_STANDINS: 'on',
      ZEROGPU_WEBHOOKS_PRIVATE: 'on',
      ZEROGPU_MODEL_OVERRIDES: '{"zlm-v1-summary-cloud":{"errorOnMaxToken":true}}',
      ...upstream({ url: 'https://h:1/v1//', apiKey: 'k', trusted: true, batchRuns: 8 }),
    });
    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 0,
      databaseUrl: 'postgresql://u:p@h/d',
      dataDir: '/data',
      deadlineMs: 100,
      rateLimit: { requests: 60, tokens: null },
      gatewayName: 'gw-1',
      logLevel: 'debug',
      logDays: 30,
      standIns: true,
      webhooksPrivate: true,
      modelOverrides: new Map([['zlm-v1-summary-cloud', { errorOnMaxToken: true }]]),
      upstreams: [
        {
          name: 'u',
          url: 'https://h:1/v1',
          apiKey: 'k',
          trusted: true,
          batchRuns: 8,
          models: new Map([[MODEL, 'x']]),
        },
      ],
    });
    expect(readConfig(upstream()).upstreams[0]).toMatchObject({ apiKey: null, trusted: false, batchRuns: 4 });
  });

  test.each([
    ['ZEROGPU_DEADLNE_MS', 'ZEROGPU_DEADLINE_MS'],
    ['ZEROGPU_DATADIR', 'ZEROGPU_DATA_DIR'],
    ['ZEROGPU_RATE_LIMIT', 'ZEROGPU_RATE_LIMIT_REQUESTS'],
    ['ZEROGPU_UPSTREAM', 'ZEROGPU_UPSTREAMS'],
    ['ZEROGPU_MAX_BODY', 'ZEROGPU_MAX_BODY_BYTES'],
    ['ZEROGPU_PRT', 'PORT'],
    ['ZEROGPU_PORT', 'PORT'],
    ['ZEROGPU_HOST', 'HOST'],
    ['ZEROGPU_LOCAL_NODE', 'ZEROGPU_LOCAL_NODES'],
    ['ZEROGPU_DATABASE_URL', 'DATABASE_URL'],
    ['ZEROGPU_S3_URL', 'S3_URL'],
  ])('%s is unknown, and %s is meant', (name, meant) => {
    expect(() => readConfig({ [name]: '1' })).toThrow(
      new ConfigError(`Unknown setting ${name}; did you mean ${meant}?`),
    );
  });

  test('what clients, other programs and tests read is no mistake', () => {
    const names = [
      'ZEROGPU_API_KEY',
      'ZEROGPU_ADMIN_PASSWORD',
      'ZEROGPU_LOCAL_NODES',
      'ZEROGPU_TEST_ANYTHING',
      'PORTX',
    ];
    expect(readConfig(Object.fromEntries(names.map((name) => [name, 'x'])))).toEqual(readConfig({}));
  });

  const INTEGERS = [
    ['PORT', 0, 65_535],
    ['ZEROGPU_DEADLINE_MS', 100, 3_600_000],
    ['ZEROGPU_MAX_BODY_BYTES', 1024, 64 * 1024 * 1024],
    ['ZEROGPU_MAX_IN_FLIGHT', 1, 1_000_000],
    ['ZEROGPU_BODY_TIMEOUT_MS', 100, 3_600_000],
    ['ZEROGPU_HEARTBEAT_MS', 100, 60_000],
    ['ZEROGPU_RATE_LIMIT_REQUESTS', 1, Number.MAX_SAFE_INTEGER],
    ['ZEROGPU_RATE_LIMIT_TOKENS', 1, Number.MAX_SAFE_INTEGER],
  ] as const;

  test.each(INTEGERS)('%s is an integer from %i to %i and nothing else', (name, min, max) => {
    const wrong = fc.oneof(
      fc.string({ minLength: 1 }).filter((text) => !/^\d+$/.test(text)),
      fc.constantFrom(
        '-1',
        '1.5',
        '1e3',
        '0x10',
        ' 1',
        '1 ',
        '+1',
        '١',
        'Infinity',
        String(min - 1),
        `${max}0`,
      ),
    );
    fc.assert(
      fc.property(wrong, (text) => {
        expect(() => readConfig({ [name]: text })).toThrow(
          new ConfigError(`${name} must be an integer from ${min} to ${max}, not "${text}"`),
        );
      }),
    );
    expect(() => readConfig({ [name]: String(min) })).not.toThrow();
  });

  test.each([
    [{ ZEROGPU_SECRET: 'x'.repeat(31) }, 'ZEROGPU_SECRET must have at least 32 characters'],
    [{ DATABASE_URL: 'mysql://x' }, 'DATABASE_URL must look like postgres://'],
    [{ ZEROGPU_STANDINS: 'true' }, 'ZEROGPU_STANDINS must be on or off, not "true"'],
    [
      { ZEROGPU_LOG_LEVEL: 'loud' },
      'ZEROGPU_LOG_LEVEL must be one of silent, error, warn, info, debug, not "loud"',
    ],
    [{ ZEROGPU_UPSTREAMS: '{' }, 'ZEROGPU_UPSTREAMS is not valid JSON'],
    [{ ZEROGPU_UPSTREAMS: '{}' }, 'ZEROGPU_UPSTREAMS must be an array'],
    [{ ZEROGPU_UPSTREAMS: '[5]' }, 'ZEROGPU_UPSTREAMS must hold objects'],
    [upstream({ name: '' }), 'needs a name in each entry'],
    [upstream({ url: 'ftp://h' }), 'needs an http or https url for "u"'],
    [upstream({ url: 'nonsense' }), 'needs an http or https url for "u"'],
    [upstream({ url: 'http://user:pass@h/v1' }), 'needs an http or https url for "u", without a user'],
    [upstream({ url: 'http://h/v1?key=1' }), 'needs an http or https url for "u", without a user'],
    [upstream({ models: undefined }), 'needs models for "u"'],
    [upstream({ models: { [MODEL]: 5 } }), 'needs models for "u"'],
    [upstream({ models: { [MODEL]: '' } }), 'needs models for "u"'],
    [
      upstream({ models: { 'llama-3.1-8b': 'x' } }),
      `ZEROGPU_UPSTREAMS names the unknown model "llama-3.1-8b"; did you mean ${MODEL}?`,
    ],
    [upstream({ apiKey: 5 }), 'has a wrong apiKey for "u"'],
    [upstream({ apiKey: 'a\r\nx-evil: 1' }), 'has a wrong apiKey for "u"'],
    [upstream({ trusted: 'yes' }), 'has a wrong trusted for "u": true or false'],
    [upstream({ batchRuns: 0 }), 'has a wrong batchRuns for "u": an integer from 1 to 1024'],
    [{ ZEROGPU_INTERNAL_URL: 'gateway:8080' }, 'ZEROGPU_INTERNAL_URL must be an http or https address'],
    [{ ZEROGPU_GATEWAY_URL: 'ftp://h' }, 'ZEROGPU_GATEWAY_URL must be an http or https address'],
    [upstream({ batchRuns: '4' }), 'has a wrong batchRuns'],
    [upstream({ trustd: true }), 'has an unknown field "trustd" for "u"'],
    [
      { ZEROGPU_UPSTREAMS: `[${[1, 2].map(() => upstream().ZEROGPU_UPSTREAMS.slice(1, -1))}]` },
      'has the name "u" twice',
    ],
    [{ ZEROGPU_MODEL_OVERRIDES: '[' }, 'ZEROGPU_MODEL_OVERRIDES is not valid JSON'],
    [{ ZEROGPU_MODEL_OVERRIDES: '[]' }, 'ZEROGPU_MODEL_OVERRIDES must map model ids'],
    [{ ZEROGPU_MODEL_OVERRIDES: `{"${MODEL}":true}` }, 'ZEROGPU_MODEL_OVERRIDES must map model ids'],
    [
      { ZEROGPU_MODEL_OVERRIDES: `{"${MODEL}":{"errorOnMaxToken":1}}` },
      'ZEROGPU_MODEL_OVERRIDES must map model ids',
    ],
    [
      { ZEROGPU_MODEL_OVERRIDES: `{"${MODEL}":{"errorOnMaxToken":true,"price":0}}` },
      'ZEROGPU_MODEL_OVERRIDES must map model ids',
    ],
    [
      { ZEROGPU_MODEL_OVERRIDES: '{"zlm-v1-summary":{"errorOnMaxToken":true}}' },
      'did you mean zlm-v1-summary-cloud?',
    ],
  ])('%j is wrong', (env, message) => {
    expect(() => readConfig({ ...env })).toThrow(ConfigError);
    expect(() => readConfig({ ...env })).toThrow(message);
  });

  test('no secret is repeated in an error', () => {
    for (const env of [
      { ZEROGPU_SECRET: 'too-short-secret' },
      { DATABASE_URL: 'psql://user:too-short-secret@h' },
      { S3_URL: 's3://KEY:too-short-secret/files' },
      upstream({ apiKey: 'too-short-secret\n' }),
    ]) {
      expect(() => readConfig(env)).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining('too-short-secret') }),
      );
    }
  });

  test('files lie in the bucket of S3_URL', () => {
    const s3 = { bucket: 'files', region: 'eu-north-1', endpoint: 'https://minio.example.com' };
    const env = { S3_URL: 's3://KEY:SECRET@minio.example.com/files', AWS_REGION: 'eu-north-1' };
    expect(readConfig(env).s3).toMatchObject(s3);
    expect(() => readConfig({ S3_URL: 'https://minio.example.com' })).toThrow(
      new ConfigError(
        'S3_URL must look like s3://KEY:SECRET@minio.example.com:9000/bucket/prefix?region=us-east-1&tls=off',
      ),
    );
  });

  test('addresses of people and mail', () => {
    expect(readConfig({ ZEROGPU_PUBLIC_URL: 'https://ai.example.com/' }).publicUrl).toBe(
      'https://ai.example.com',
    );
    expect(readConfig({ SMTP_URL: 'smtps://u:p@mail.example.com' }).smtpUrl).toBe(
      'smtps://u:p@mail.example.com',
    );
    expect(readConfig({ ZEROGPU_SIGN_UP: 'open' }).signUp).toBe('open');
    expect(() => readConfig({ ZEROGPU_SIGN_UP: 'yes' })).toThrow('one of open, invited, closed, not "yes"');
    expect(() => readConfig({ ZEROGPU_SMTP_URL: 'smtp://mail' })).toThrow('did you mean SMTP_URL?');
    for (const url of [
      'ai.example.com',
      'ftp://ai.example.com',
      'https://u:p@h',
      'https://h/?q',
      'https://h/#f',
    ]) {
      expect(() => readConfig({ ZEROGPU_PUBLIC_URL: url }), url).toThrow('ZEROGPU_PUBLIC_URL must be');
    }
    for (const url of ['mail.example.com', 'http://planted-password@mail', 'smtp://']) {
      expect(() => readConfig({ SMTP_URL: url }), url).toThrow('SMTP_URL must look like');
    }
  });

  test('takes a place, and says what is none', () => {
    expect(readConfig({ ZEROGPU_PLACE: '50.11, -8.68' }).place).toEqual({
      latitude: 50.11,
      longitude: -8.68,
    });
    for (const text of ['Frankfurt', '91,0', '0,181', '1', '1,2,3', '1.2.3,4', ','])
      expect(() => readConfig({ ZEROGPU_PLACE: text })).toThrow('degrees of latitude and longitude');
    expect(readConfig({ GEOIP_DB: '/data/city.mmdb' }).geoipDb).toBe('/data/city.mmdb');
    expect(() => readConfig({ ZEROGPU_GEOIP_DB: 'x' })).toThrow('did you mean GEOIP_DB?');
  });

  test('trusted proxies', () => {
    const trusted = (text: string) => readConfig({ ZEROGPU_TRUSTED_PROXIES: text }).trustedProxies;
    expect(trusted('127.0.0.1, 10.0.0.0/8,::1,fd00::/8')).toEqual([
      '127.0.0.1',
      '10.0.0.0/8',
      '::1',
      'fd00::/8',
    ]);
    for (const wrong of [
      'proxy',
      '10.0.0.0/33',
      '10.0.0.0/0',
      '::1/129',
      '10.0.0.0/8/8',
      '10.0.0.0/',
      'all',
    ]) {
      expect(() => trusted(wrong), wrong).toThrow(`not "${wrong}"`);
    }
  });
});

describe('Stripe', () => {
  const keys = { STRIPE_SECRET_KEY: 'sk_test_EXAMPLEsecret', STRIPE_PUBLISHABLE_KEY: 'pk_test_EXAMPLE' };

  test('is used with both keys, and hears events with their secret', () => {
    expect(readConfig(keys).stripe).toEqual({
      secretKey: 'sk_test_EXAMPLEsecret',
      publishableKey: 'pk_test_EXAMPLE',
      webhookSecret: null,
      apiUrl: 'https://api.stripe.com',
    });
    const more = { STRIPE_WEBHOOK_SECRET: 'whsec_EXAMPLE', STRIPE_API_URL: 'http://127.0.0.1:12111' };
    expect(readConfig({ ...keys, ...more }).stripe).toMatchObject({
      webhookSecret: 'whsec_EXAMPLE',
      apiUrl: 'http://127.0.0.1:12111',
    });
  });

  test.each([
    [
      'a secret key of another form',
      { STRIPE_SECRET_KEY: 'EXAMPLEsecret' },
      /^STRIPE_SECRET_KEY must begin with/,
    ],
    [
      'the publishable key in its place',
      { STRIPE_SECRET_KEY: 'pk_test_EXAMPLEsecret' },
      /^STRIPE_SECRET_KEY must/,
    ],
    [
      'no publishable key',
      { STRIPE_PUBLISHABLE_KEY: '' },
      /^STRIPE_PUBLISHABLE_KEY must begin with pk_test_/,
    ],
    [
      'a live key beside a test key',
      { STRIPE_PUBLISHABLE_KEY: 'pk_live_EXAMPLE' },
      /^STRIPE_PUBLISHABLE_KEY must/,
    ],
    [
      'an API key as webhook secret',
      { STRIPE_WEBHOOK_SECRET: 'sk_test_EXAMPLEsecret' },
      /^STRIPE_WEBHOOK_SECRET must/,
    ],
    ['an address with a path', { STRIPE_API_URL: 'http://127.0.0.1/v1' }, /^STRIPE_API_URL must/],
    ['no secret key', { STRIPE_SECRET_KEY: '' }, /^STRIPE_SECRET_KEY is missing/],
  ])('refuses %s without repeating it', (_what, changes, message) => {
    const read = () => readConfig({ ...keys, ...changes });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(message);
    expect(read).not.toThrow(/EXAMPLEsecret/);
  });
});
