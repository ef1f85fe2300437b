import { findManifest, tokenizerOf } from '@zerogpu/catalogue';
import type { Route } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Caller, UNLIMITED } from '../flow.ts';
import { inference } from '../testing/connected-nodes.ts';
import { CHAT, IAB, SUMMARY } from '../testing/scripted-node.ts';
import { type AdmitServices, admit } from './admit.ts';
import type { Asking, Grant } from './admit-requests.ts';

const NOW = 1_000_000;
const caller: Caller = {
  keyId: 'k',
  projectId: 'p',
  organizationId: 'o',
  walletId: 'w',
  allowedModels: null,
  limits: UNLIMITED,
  standIns: null,
  privacy: 'own',
  upstreams: false,
  payloadPolicy: 'errors',
  payloadDays: 30,
};

const NO_LIMITS = { requests: null, tokens: null };

function services(changes: Partial<AdmitServices> = {}): { asked: Asking[]; services: AdmitServices } {
  const asked: Asking[] = [];
  const take = async (asking: Asking): Promise<Grant> => {
    asked.push(asking);
    return { result: 'held', limits: NO_LIMITS };
  };
  const none = { keyLimits: UNLIMITED.key, override: () => undefined, deadlineMs: 60_000 };
  return { asked, services: { take, ...none, ...changes } };
}

/** Services that answer every request alike. */
const granting = (grant: Grant) => services({ take: async () => grant });

const ask = (
  changes: Parameters<typeof inference>[0] = {},
  given = services(),
  who = caller,
  route: Route = 'responses',
) => admit(given.services, who, 'req_1', route, inference(changes), 'interactive', NOW);

const count = (text: string) => tokenizerOf('zlm').count(text);

describe('which model', () => {
  test.each(['nobody', '__proto__', 'constructor', SUMMARY.toUpperCase(), ` ${SUMMARY}`])(
    '%j does not exist',
    async (model) => {
      await expect(ask({ model })).rejects.toMatchObject({ code: 'model_not_found', param: 'model' });
    },
  );

  test('one that the project may not use is refused, and nothing is held', async () => {
    const given = services();
    const who = { ...caller, allowedModels: new Set([IAB]) };
    await expect(ask({}, given, who)).rejects.toMatchObject({ code: 'model_not_allowed', param: 'model' });
    expect(given.asked).toEqual([]);
    await expect(ask({ model: IAB }, given, who)).resolves.toMatchObject({ manifest: { id: IAB } });
  });
});

describe('the input', () => {
  const long = 'The quick brown fox jumps over the lazy dog. '.repeat(4000);

  test('is counted with its instructions', async () => {
    const { inputTokens } = await ask({ text: 'One two.', instructions: 'Be short.' });
    expect(inputTokens).toBe(count('One two.') + count('Be short.'));
  });

  test('over the limit is cut at a token where the model cuts, and what is sent is what was counted', async () => {
    const manifest = findManifest(SUMMARY);
    const admission = await ask({ text: long, instructions: 'Be short.' });
    const { text, messages } = admission.inference;
    expect(long.startsWith(text)).toBe(true);
    expect(admission.inputTokens).toBeLessThanOrEqual(manifest?.maxTokens ?? 0);
    expect(admission.inputTokens).toBe(count(text) + count('Be short.'));
    expect(messages).toEqual([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: text },
    ]);
  });

  test('over the limit is refused where the operator says so', async () => {
    const given = services({ override: () => ({ errorOnMaxToken: true }) });
    const tooLong = { code: 'context_length_exceeded' };
    await expect(ask({ text: long }, given)).rejects.toMatchObject({ ...tooLong, param: 'input' });
    await expect(ask({ text: long }, given, caller, 'chat/completions')).rejects.toMatchObject({
      ...tooLong,
      param: 'messages',
      message: expect.stringMatching(/has \d+ tokens; .* accepts at most 8192$/),
    });
    expect(given.asked).toEqual([]);
  });

  test('instructions alone over the limit cannot be cut', async () => {
    await expect(ask({ instructions: long })).rejects.toMatchObject({ code: 'context_length_exceeded' });
  });

  test('cutting never exceeds the limit, whatever the text', async () => {
    const manifest = findManifest(IAB);
    const unit = fc.constantFrom('a', ' ', '\n', '😀', '漢', 'é', '\u0000', '\ud83d', 'word', '000');
    await fc.assert(
      fc.asyncProperty(fc.array(unit, { minLength: 1, maxLength: 3000 }), async (units) => {
        const text = units.join('');
        const admission = await ask({ model: IAB, text });
        expect(admission.inputTokens).toBeLessThanOrEqual(manifest?.maxTokens ?? 0);
        expect(admission.inputTokens).toBe(count(admission.inference.text));
        expect(text.startsWith(admission.inference.text)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('a task model is not sent the rest of a conversation, which nobody counts', async () => {
    const messages = [
      { role: 'assistant' as const, content: long },
      { role: 'user' as const, content: 'Last.' },
    ];
    const admission = await ask({ messages, text: 'Last.' });
    expect(admission.inference.messages).toEqual([{ role: 'user', content: 'Last.' }]);
  });

  test('a chat model reads everything, and everything counts', async () => {
    const messages = [
      { role: 'user' as const, content: 'One two.' },
      {
        role: 'assistant' as const,
        content: '',
        tool_calls: [
          { id: 'c', type: 'function' as const, function: { name: 'look', arguments: '{"a":1}' } },
        ],
      },
    ];
    const tools = [{ type: 'function', function: { name: 'look' } }];
    const admission = await ask({ model: CHAT, messages, tools });
    expect(admission.inference.messages).toEqual(messages);
    const texts = ['One two.', '', 'look', '{"a":1}', JSON.stringify(tools)];
    expect(admission.inputTokens).toBe(texts.reduce((sum, text) => sum + count(text), 0));
  });
});

describe('several texts', () => {
  const EMBED = 'zlm-v1-embed-edge';
  const MODERATION = 'zlm-v1-moderation-edge';
  const long = 'The quick brown fox jumps over the lazy dog. '.repeat(1000);
  const several = (model: string, texts: string[], given = services()) =>
    ask(
      { model, text: texts[0] ?? '', texts, metadata: {} },
      given,
      caller,
      findManifest(model)?.routes.at(-1),
    );

  test('are counted one by one, and what each may answer is held', async () => {
    const given = services();
    const texts = ['One two.', 'Three four five.', 'Six'];
    const admission = await ask({ model: MODERATION, texts, text: 'One two.', maxOutputTokens: null }, given);
    const tokens = texts.reduce((sum, text) => sum + count(text), 0);
    const most = BigInt(findManifest(MODERATION)?.maxOutputTokens ?? 0);
    expect(admission.inputTokens).toBe(tokens);
    expect(admission.held).toBe(BigInt(tokens) * 20n + 3n * most * 50n);
    expect(admission.inference).toMatchObject({ texts, text: 'One two.' });
  });

  test('each have the whole limit: one that is longer is cut by itself', async () => {
    const limit = findManifest(MODERATION)?.maxTokens ?? 0;
    const { inference, inputTokens } = await several(MODERATION, ['short', long, long]);
    const [first, second, third] = inference.texts ?? [];
    expect(first).toBe('short');
    expect(second).toBe(third);
    expect(long.startsWith(second ?? '-')).toBe(true);
    expect(count(second ?? '')).toBeLessThanOrEqual(limit);
    expect(inputTokens).toBe(count('short') + 2 * count(second ?? ''));
  });

  test('are refused where the model cuts nothing, and which one is said', async () => {
    await expect(several(EMBED, ['short', long])).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'input[1]',
    });
    await expect(several(EMBED, [long])).rejects.toMatchObject({ param: 'input' });
  });
});

test('options that the task cannot work with are refused before anything is held or taken', async () => {
  const given = services();
  await expect(ask({ model: 'zlm-v1-extract-edge', metadata: {} }, given)).rejects.toMatchObject({
    code: 'invalid_value',
    param: 'metadata.usecase',
  });
  expect(given.asked).toEqual([]);
});

describe('the output', () => {
  test.each([
    [null, 1024],
    [10, 10],
    [1e300, 1024],
  ])('asked for at most %j, it is bounded by %i', async (maxOutputTokens, bound) => {
    expect((await ask({ maxOutputTokens })).inference.maxOutputTokens).toBe(bound);
  });
});

describe('the money', () => {
  test('the most that it can cost is held until after the deadline', async () => {
    const given = services();
    const admission = await ask({ text: 'One two.', maxOutputTokens: 10 }, given);
    const held = BigInt(count('One two.')) * 20n + 10n * 50n;
    expect(admission).toMatchObject({ held, deadline: NOW + 60_000 });
    expect(given.asked).toEqual([
      {
        requestId: 'req_1',
        accountId: 'w',
        projectId: 'p',
        keyId: 'k',
        amount: held,
        expiresAt: expect.any(Number),
        tokens: admission.inputTokens,
        limits: UNLIMITED,
      },
    ]);
    expect(given.asked[0]?.expiresAt).toBeGreaterThan(NOW + 60_000);
  });

  test('an upstream that counts twice as much, and a template around each message, are within what is held', async () => {
    const messages = Array.from({ length: 50 }, () => ({ role: 'user' as const, content: 'a' }));
    const { held, inputTokens } = await ask({ model: CHAT, messages, maxOutputTokens: 1 });
    expect(held).toBe(BigInt(2 * inputTokens + 50 * 16) * 20n + 50n);
  });

  test('a balance that does not cover it is a refusal', async () => {
    const given = granting({ result: 'balance', limits: NO_LIMITS });
    await expect(ask({}, given)).rejects.toMatchObject({
      code: 'insufficient_quota',
      message: expect.stringContaining('balance'),
    });
  });

  test.each([
    ['organization_budget', 'of the organization'],
    ['project_budget', 'of the project'],
    ['key_budget', 'of the API key'],
  ] as const)('a refusal by %s says whose, how much of how much, and until when', async (result, whose) => {
    const budget = { limit: 5_000_000_000n, spent: 4_999_000_000n, held: 500n };
    const refused = ask({}, granting({ result, budget, limits: NO_LIMITS }));
    await expect(refused).rejects.toMatchObject({
      code: 'insufficient_quota',
      message:
        `The monthly budget ${whose} does not cover this request: $4.999 of $5.00 spent and $0.0000005 held ` +
        'for requests under way; the month ends at 1970-02-01T00:00:00.000Z',
    });
  });
});

describe('the limits', () => {
  const limits = {
    requests: { limit: 2, remaining: 1, resetMs: 30_000 },
    tokens: { limit: 1000, remaining: 900, resetMs: 6_000 },
  };
  const refusal = { scope: 'key', what: 'requests', limit: 2, retryMs: 29_001 } as const;

  test('are asked for and said', async () => {
    const own = { key: { requests: 5, tokens: null }, project: { requests: null, tokens: 7 } };
    const given = services({ keyLimits: { requests: 60, tokens: 1000 } });
    await ask({}, given, { ...caller, limits: own });
    await ask({}, given);
    // A key's own limits come before the server's, which are for keys only.
    expect(given.asked.map((asking) => asking.limits)).toEqual([
      { key: { requests: 5, tokens: 1000 }, project: { requests: null, tokens: 7 } },
      { key: { requests: 60, tokens: 1000 }, project: { requests: null, tokens: null } },
    ]);
    expect(await ask({}, granting({ result: 'held', limits }))).toMatchObject({ limits });
  });

  test.each(['key', 'project'] as const)(
    'a refusal says whose limit, when to try again, and the state',
    async (scope) => {
      const given = granting({ result: 'rate_limited', limits, refusal: { ...refusal, scope } });
      await expect(ask({}, given)).rejects.toMatchObject({
        code: 'rate_limit_exceeded',
        message: `The ${scope} may use 2 requests a minute; try again in 30 s`,
        retryAfterSeconds: 30,
        limits,
      });
    },
  );

  test('a request that alone is over the limit is told so', async () => {
    const given = granting({ result: 'rate_limited', limits, refusal: { ...refusal, retryMs: null } });
    await expect(ask({}, given)).rejects.toMatchObject({
      code: 'rate_limit_exceeded',
      message: expect.stringContaining('This request alone'),
      never: true,
    });
  });
});
