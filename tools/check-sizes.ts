/** No function over 100 lines: a reader holds one at a time. File length says little, function length much. */
import ts from 'typescript';
import { type Finding, isProgram, isTestCode, readText, report, repositoryFiles } from './repo.ts';
import { lineOf, parseSource, walk } from './source.ts';

export const LONGEST = 100;
/** What a group of tests holds; a function that calls one of them is a list, read one test at a time. */
const MEMBERS = new Set(['it', 'test', 'describe', 'suite']);

export interface FunctionSize {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly lines: number;
}

/** Every function of a TypeScript or JavaScript file with its length, its own lines and those of functions in it. */
export function functionSizes(file: string, text: string): FunctionSize[] {
  const source = parseSource(file, text);
  const sizes: FunctionSize[] = [];
  walk(source, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || !node.body) return;
    if (isTestGroup(file, node.body)) return;
    const line = lineOf(source, node);
    const last = source.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
    sizes.push({ file, line, name: nameOf(node, source), lines: last - line + 1 });
  });
  return sizes;
}

/** Whatever helper it is given to: `describe`, or one of our own that runs a group on each database. */
function isTestGroup(file: string, body: ts.Node): boolean {
  if (!isTestCode(file) || !ts.isBlock(body)) return false;
  return body.statements.some(
    (statement) => ts.isExpressionStatement(statement) && MEMBERS.has(calleeOf(statement.expression)),
  );
}

/** `it` of `it(…)`, `it.each(…)(…)` and `it.skipIf(…)(…)`. */
function calleeOf(expression: ts.Expression): string {
  let callee = expression;
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) callee = callee.expression;
  return ts.isIdentifier(callee) ? callee.text : '';
}

function nameOf(node: ts.SignatureDeclaration, source: ts.SourceFile): string {
  if (node.name) return node.name.getText(source);
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  const { parent } = node;
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)
    ? parent.name.getText(source)
    : '(anonymous)';
}

/** Every `def` of a Python file: it ends where something stands at its own indentation or further left. */
export function pythonSizes(file: string, text: string): FunctionSize[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const match = /^(\s*)(?:async )?def (\w+)/.exec(line);
    if (!match) return [];
    const end = endOfDef(lines, index, (match[1] ?? '').length);
    return [{ file, line: index + 1, name: match[2] ?? '', lines: end - index }];
  });
}

/** The index after the last line of a def's body. A line that only closes brackets still belongs to the signature. */
function endOfDef(lines: readonly string[], start: number, indentation: number): number {
  let last = start;
  for (let i = start + 1; i < lines.length; i++) {
    const line = lines[i] ?? '';
    if (line.trim() === '') continue;
    const depth = line.length - line.trimStart().length;
    if (depth <= indentation && !/^\s*[)\]}]/.test(line)) break;
    last = i;
  }
  return last + 1;
}

export function tooLong(sizes: readonly FunctionSize[]): Finding[] {
  return sizes
    .filter((size) => size.lines > LONGEST)
    .map(({ file, line, name, lines }) => ({
      file,
      line,
      message: `${name} has ${lines} lines; the most is ${LONGEST}`,
    }));
}

function summary(sizes: readonly FunctionSize[]): string {
  const sorted = [...sizes].sort((a, b) => b.lines - a.lines);
  const median = sorted[Math.floor(sorted.length / 2)]?.lines ?? 0;
  const longest = sorted
    .slice(0, 5)
    .map(({ file, line, name, lines }) => `  ${lines}  ${file}:${line}  ${name}`);
  return [`${sizes.length} functions, median ${median} lines; the longest:`, ...longest].join('\n');
}

if (isProgram(import.meta)) {
  const files = repositoryFiles().filter((file) => !file.includes('.generated.'));
  const sizes = files.flatMap((file) => {
    if (/\.(ts|mts|mjs|js)$/.test(file)) return functionSizes(file, readText(file));
    return file.endsWith('.py') ? pythonSizes(file, readText(file)) : [];
  });
  report(tooLong(sizes), summary(sizes));
}
