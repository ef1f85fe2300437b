import { describe, expect, it } from 'vitest';
import {
  checkCards,
  checkCurl,
  checkDocs,
  checkErrorTables,
  checkLibraries,
  checkLinks,
  checkMentions,
  checkPasted,
  checkSettings,
  checkTasks,
  checkVersions,
  checkWay,
  errorsOf,
  type Repository,
  readRepository,
} from './check-docs.ts';
import { shellCommands } from './shell-words.ts';

function repository(files: Record<string, string>, scripts: string[] = []): Repository {
  return {
    files: new Set(Object.keys(files)),
    scripts: new Set(scripts),
    read: (file) => files[file] ?? '',
  };
}
const messages = (findings: readonly { message: string }[]) => findings.map((finding) => finding.message);

describe('links and mentions', () => {
  const world = repository({ 'docs/a.md': '# First part\n', 'gateway/src/way.ts': '', 'package.json': '' }, [
    'ok',
  ]);

  it.each([
    '[x](a.md)',
    '[x](a.md#first-part)',
    '[x](#here)\n\n# Here',
    '[x](../gateway/)',
    '[x](https://example.org)',
  ])('follows %s', (text) => {
    const here = repository({ 'docs/a.md': '# First part\n', 'docs/b.md': text, 'gateway/src/way.ts': '' });
    expect(checkLinks({ file: 'docs/b.md', text }, here)).toEqual([]);
  });

  it.each([
    ['[x](b.md)', '"b.md", which does not exist'],
    ['[x](a.md#second)', 'no such heading'],
    ['[x](../nowhere/)', 'which does not exist'],
  ])('stops at %s', (text, message) => {
    expect(messages(checkLinks({ file: 'docs/c.md', text }, world))).toEqual([
      expect.stringContaining(message),
    ]);
  });

  it('knows files, folders, patterns and scripts in code spans', () => {
    const good =
      '`gateway/src/` `gateway/src/way.ts` `gateway/src/<name>.ts` `npm run ok` `npm run ok -- docs` `x/y` `openapi.json`';
    expect(checkMentions({ file: 'a.md', text: good }, world)).toEqual([]);
    const bad = '`gateway/src/away.ts`\n`npm run nothing`\n`missing.md`';
    expect(checkMentions({ file: 'a.md', text: bad }, world)).toEqual([
      { file: 'a.md', line: 1, message: '"gateway/src/away.ts" does not exist' },
      { file: 'a.md', line: 2, message: 'no npm script "nothing"' },
      { file: 'a.md', line: 3, message: '"missing.md" does not exist' },
    ]);
    expect(checkMentions({ file: 'a.md', text: `\`\`\`\n${bad}\n\`\`\`` }, world)).toEqual([]);
  });
});

describe('the way', () => {
  const WAY =
    "import { a } from './auth/a.ts';\nimport type { T } from './api/t.ts';\nimport { b } from './quota/b.ts';\n";
  const code = {
    'gateway/src/way.ts': WAY,
    'gateway/src/auth/a.ts': "throw new ApiError('invalid_api_key');",
    'gateway/src/quota/b.ts': '/** @throws ApiError in `param`: rate_limit_exceeded, model_not_found */',
  };
  const row1 = '| 1 | whose | `gateway/src/auth/a.ts` | 401 `invalid_api_key` |';
  const row2 = '| 2 | may | `gateway/src/quota/b.ts` | 404 `model_not_found` · 429 `rate_limit_exceeded` |';
  const drawing =
    '```\n 1 whose ──▶ 401 invalid_api_key\n     │\n 2 may ──▶ 404 model_not_found\n     │   429 rate_limit_exceeded\n```';
  const page = (...rows: string[]) =>
    `${drawing}\n\n| # | step | files | may end with |\n|-|-|-|-|\n${rows.join('\n')}\n`;
  const check = (text: string, changes: Record<string, string> = {}) =>
    messages(checkWay({ file: 'ARCHITECTURE.md', text }, repository({ ...code, ...changes })));

  it('is as it is drawn', () => {
    expect(check(page(row1, row2))).toEqual([]);
  });

  it('lacks nothing that way.ts imports, in its order', () => {
    expect(check(page(row1))).toEqual([
      'the table of the way lacks gateway/src/quota/b.ts, which way.ts imports',
      'gateway/src/quota/b.ts throws errors of the API, but no row of the way names it',
    ]);
    expect(check(page(row2, row1))).toEqual(['gateway/src/quota/b.ts stands earlier here than in way.ts']);
  });

  it('says every error that a step throws, and no other', () => {
    expect(check(page(row1.replace('401 `invalid_api_key`', '–'), row2))).toEqual([
      'step 1 may end with 401 invalid_api_key, which is not said here',
      'step 1: drawing and table differ in 401 invalid_api_key',
    ]);
    expect(check(page(row1, row2), { 'gateway/src/auth/a.ts': '' })).toEqual([
      'step 1 never ends with 401 invalid_api_key',
    ]);
    expect(check(page(row1.replace('401', '403'), row2))).toContain(
      'step 1 never ends with 403 invalid_api_key',
    );
  });

  it('accounts for every file that throws', () => {
    expect(check(page(row1, row2), { 'gateway/src/x.ts': "new ApiError('not_found')" })).toEqual([
      'gateway/src/x.ts throws errors of the API, but no row of the way names it',
    ]);
  });

  it('needs a table and a drawing', () => {
    expect(check('')).toEqual(['has no table of the way (| # | … | may end with |)']);
    expect(check(page(row1, row2).replace(drawing, ''))).toContain(
      'has no drawing of the way with its exits',
    );
  });

  it('reads codes from throws and from promises', () => {
    const text =
      "/** @throws ApiError not_found,\n * no_capacity when full */\nfail(new ApiError('internal_error', {})); new Error('invalid_json')";
    expect([...errorsOf(text)].sort()).toEqual(['internal_error', 'no_capacity', 'not_found']);
    expect([...errorsOf('throw new Limited(1)', new Map([['Limited', 'no_capacity']]))]).toEqual([
      'no_capacity',
    ]);
  });
});

describe('tables', () => {
  it('of errors name every error as it is', () => {
    const text =
      '| status | type | code |\n|-|-|-|\n| 400 | invalid_request_error | `invalid_json` |\n| 400 | x | `no_such` |\n| 500 | internal_error | `no_capacity` |';
    const found = messages(checkErrorTables({ file: 'a.md', text }));
    expect(found.slice(0, 2)).toEqual([
      'no error has the code "no_such"',
      'no_capacity is 503 service_unavailable',
    ]);
    expect(found).toContain('the table of errors lacks invalid_api_key');
    expect(found).not.toContain('the table of errors lacks invalid_json');
  });

  it('of tasks name a location each', () => {
    const text = '| task | location |\n|-|-|\n| one | `x/y` |\n| two | somewhere |';
    expect(messages(checkTasks({ file: 'AGENTS.md', text }))).toEqual(['"two" has no location']);
    expect(checkTasks({ file: 'AGENTS.md', text: '' })).toHaveLength(1);
  });

  it('of settings are those that are read', () => {
    const world = repository({
      'gateway/src/config.ts': "env['HOST']; integer(env, 'PORT', 1)",
      'start.mjs': 'process.env.ZEROGPU_LOCAL_NODES',
    });
    const text =
      '| setting | default |\n|-|-|\n| `HOST` | x |\n| `ZEROGPU_LOCAL_NODES` | 1 |\n| `ZEROGPU_NOTHING` | |';
    expect(messages(checkSettings({ file: 'a.md', text }, world))).toEqual([
      'the table of settings lacks PORT',
      'nothing reads ZEROGPU_NOTHING',
    ]);
  });
});

it('libraries have a reason, and models a card', () => {
  const world = repository({
    'package.json': '{"devDependencies":{"a":"1","@types/a":"1"}}',
    'gateway/package.json': '{"dependencies":{"b":"1"},"optionalDependencies":{"@c/linux":"1"}}',
    'models/weights/x/model.zlm': '',
    'models/weights/y/model.zlm': '',
    'models/weights/y/README.md': '',
  });
  const text = '| for | library | why |\n|-|-|-|\n| one | `a`, `@c` | because |';
  expect(messages(checkLibraries({ file: 'a.md', text }, world))).toEqual(['the table of libraries lacks b']);
  expect(checkCards(world)).toEqual([{ file: 'models/weights/x/README.md', line: 0, message: 'is missing' }]);
});

describe('what people paste', () => {
  const bash = (text: string) =>
    messages(checkPasted({ file: 'README.md', text: `\`\`\`bash\n${text}\n\`\`\`` }));
  const send =
    'curl "$ZEROGPU_BASE_URL/responses" -H "x-api-key: $KEY" -H \'content-type: application/json\' \\\n';

  it('is taken when it is right', () => {
    expect(
      bash(`news='A town. B.'\n# why\n${send}  -d '{"model": "zlm-v1-summary-cloud", "input": "'"$news"'"}'`),
    ).toEqual([]);
    expect(bash('curl http://127.0.0.1:8080/health && npm start')).toEqual([]);
  });

  it.each([
    [`${send} -d '{"model": "zlm-v1-summary-cloud"}'`, 'body /input: Expected required property'],
    [`${send} -d '{"model": "nope", "input": "x"}'`, 'no model "nope"'],
    [`${send} -d '{'`, 'the body is not JSON'],
    ['curl "$ZEROGPU_BASE_URL/response"', 'no route GET /response'],
    ['curl "$ZEROGPU_BASE_URL/models"', 'sends no key'],
    ['curl -s', 'without an address'],
    ["echo 'x", 'bash: '],
  ])('is refused: %s', (text, message) => {
    expect(bash(text)[0]).toContain(message);
  });

  it('may be of the admin API', () => {
    const api = `curl "\${ZEROGPU_BASE_URL%/v1}/api`;
    const session = '-H "authorization: Bearer $TOKEN"';
    const key = `${api}/projects/$ZEROGPU_PROJECT_ID/keys" ${session} --json`;
    expect(bash(`${api}/auth/sign-in" --json '{"email": "a@b.example", "password": "x"}'`)).toEqual([]);
    expect(bash(`${api}/projects/$ZEROGPU_PROJECT_ID/requests?limit=5" ${session}`)).toEqual([]);
    expect(bash(`${key} '{"name": "the shop"}'`)).toEqual([]);
    expect(bash(`${key} '{"name": ""}'`)[0]).toContain('body /name');
    expect(bash(`${api}/session"`)).toEqual(['sends no key']);
    expect(bash(`${api}/session" -b "zerogpu_session=$TOKEN"`)).toEqual([]);
    expect(bash(`${api}/person" ${session} -X DELETE`)).toEqual(['no route DELETE /api/person']);
    expect(bash(`${api}/person" ${session} -X PATCH`)).toEqual(['sends no body']);
  });

  it('needs a content type unless curl gives it', () => {
    const words = ['curl', 'http://x/v1/responses', '-H', 'Authorization: Bearer x'];
    const body = '{"model": "zlm-v1-summary-cloud", "input": "x"}';
    expect(checkCurl([...words, '-d', body])).toEqual(['sends no content-type']);
    expect(checkCurl([...words, '--json', body])).toEqual([]);
  });
});

describe('shellCommands', () => {
  const words = (text: string) => shellCommands(text).map((command) => command.words);

  it('splits as a shell does', () => {
    expect(words('a b\\ c "d e" \'f $x\'g # h\n\ni \\\n  j; k && l | m')).toEqual([
      ['a', 'b c', 'd e', 'f $xg'],
      ['i', 'j'],
      ['k'],
      ['l'],
      ['m'],
    ]);
  });

  it('puts in variables that were assigned, and leaves the others', () => {
    const text = ['x=1 y="a b"', `c "$x-\${y}" $z '$x' "\\$x"`].join('\n');
    expect(words(text)).toEqual([['c', '1-a b', '$z', '$x', '$x']]);
    expect(words('x=$(date) && c "/$x/"')).toEqual([['c', '/$x/']]);
  });

  it('tells the line of each command', () => {
    expect(shellCommands('\n# c\na \\\n b\nc').map(({ line }) => line)).toEqual([3, 5]);
    expect(() => shellCommands("a 'b")).toThrow('A quote is not closed');
  });
});

it('versions are one', () => {
  const world = repository({
    'package.json': '{"version":"0.1.0"}',
    'a/package.json': '{"version":"9.9.9"}',
  });
  expect(messages(checkVersions({ file: 'RELEASES.md', text: '# R\n\n## 0.1.0 (x)\n' }, world))).toEqual([
    'its version is not 0.1.0, the one of protocol/src/openapi.ts',
  ]);
  expect(checkVersions({ file: 'RELEASES.md', text: '## 0.0.9' }, world)).toHaveLength(2);
});

it('the documents of this repository are true to its code', () => {
  expect(checkDocs(readRepository())).toEqual([]);
});
