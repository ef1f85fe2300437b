import { expect, it } from 'vitest';
import { functionSizes, LONGEST, pythonSizes, tooLong } from './check-sizes.ts';

const body = (lines: number) => Array.from({ length: lines }, (_, i) => `  use(${i});`).join('\n');

it('takes a function of the most lines and refuses one more', () => {
  const sizes = (lines: number) => functionSizes('a.ts', `function f() {\n${body(lines - 2)}\n}`);
  expect(tooLong(sizes(LONGEST))).toEqual([]);
  expect(tooLong(sizes(LONGEST + 1))).toEqual([
    { file: 'a.ts', line: 1, message: 'f has 101 lines; the most is 100' },
  ]);
});

it('measures every kind of function, and none without a body', () => {
  const text = [
    'abstract class C { constructor() {} m() {} get g() { return 1 } abstract n(): void }',
    'const arrow = () => 1;',
    'declare function declared(): void;',
    'call(function () {});',
  ].join('\n');
  expect(functionSizes('a.ts', text).map((size) => size.name)).toEqual([
    'constructor',
    'm',
    'g',
    'arrow',
    '(anonymous)',
  ]);
});

it('takes a group of tests for a list, and a test for a function', () => {
  const group = `{\n  it('a', () => {});\n${body(200)}\n}`;
  expect(tooLong(functionSizes('a.test.ts', `describe.each([1])('x', () => ${group});`))).toEqual([]);
  expect(tooLong(functionSizes('a.test.ts', `onEveryDatabase('x', () => ${group});`))).toEqual([]);
  expect(tooLong(functionSizes('a.ts', `onEveryDatabase('x', () => ${group});`))).toHaveLength(1);
  expect(tooLong(functionSizes('a.test.ts', `it('x', () => {\n${body(200)}\n});`))).toHaveLength(1);
});

it('measures Python by indentation', () => {
  const text =
    'def a(\n    x,\n):\n    return x\n\n\nclass C:\n    def b(self):\n        pass\n\n        return 1\n';
  expect(pythonSizes('a.py', text).map(({ name, lines }) => [name, lines])).toEqual([
    ['a', 4],
    ['b', 4],
  ]);
});
