/**
 * Built-in models and the tokenizer give the same bytes in every engine. These words of the language do not:
 * V8 in Node and in Chromium differ on exp, log, pow and others, and Unicode tables differ from version to version.
 */
import ts from 'typescript';
import { type Finding, isProgram, readText, report, repositoryFiles } from './repo.ts';
import { lineOf, parseSource, walk } from './source.ts';

/** What is held to the rule. */
const PLACES = [/^runtimes\/src\/zlm\//, /^catalogue\/src\/tokenizer/];

/** Exact by the language's specification: integers, or correctly rounded by IEEE 754. */
const EXACT_MATH = new Set([
  ...['imul', 'clz32', 'abs', 'sign', 'floor', 'ceil', 'round', 'trunc', 'sqrt', 'fround', 'min', 'max'],
  // Constants: each is the double nearest to its value.
  ...['E', 'LN2', 'LN10', 'LOG2E', 'LOG10E', 'PI', 'SQRT1_2', 'SQRT2'],
]);

const GLOBALS: Readonly<Record<string, string>> = {
  Intl: 'its tables differ between engines',
  Date: 'an answer may not depend on the clock',
  performance: 'an answer may not depend on the clock',
  crypto: 'an answer may not depend on chance',
};

const METHODS: Readonly<Record<string, string>> = {
  localeCompare: 'depends on the locale and on ICU; compare code units',
  normalize: 'depends on the Unicode version of the engine; ship the table',
  toLowerCase: 'depends on the Unicode version of the engine; ship the table',
  toUpperCase: 'depends on the Unicode version of the engine; ship the table',
  toLocaleString: 'depends on the locale',
  toLocaleLowerCase: 'depends on the locale',
  toLocaleUpperCase: 'depends on the locale',
  toLocaleDateString: 'depends on the locale',
  toLocaleTimeString: 'depends on the locale',
};

export function isHeld(file: string): boolean {
  return file.endsWith('.ts') && !file.endsWith('.test.ts') && PLACES.some((place) => place.test(file));
}

/** Every word in `text` that may mean something else in another engine. Pure. */
export function checkDeterminism(file: string, text: string): Finding[] {
  const source = parseSource(file, text);
  const findings: Finding[] = [];
  walk(source, (node) => {
    const message = inexact(node);
    if (message) findings.push({ file, line: lineOf(source, node), message });
  });
  return findings;
}

function inexact(node: ts.Node): string | null {
  if (ts.isBinaryExpression(node)) return inexactOperator(node);
  if (ts.isPropertyAccessExpression(node)) return inexactMethod(node.name.text);
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
    return inexactMethod(node.argumentExpression.text);
  }
  if (ts.isRegularExpressionLiteral(node)) return inexactPattern(node.text);
  if (ts.isIdentifier(node)) return inexactName(node);
  return null;
}

function inexactOperator(node: ts.BinaryExpression): string | null {
  const kind = node.operatorToken.kind;
  const power =
    kind === ts.SyntaxKind.AsteriskAsteriskToken || kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken;
  return power ? '** is Math.pow: engines round it differently; multiply, or shift' : null;
}

function inexactMethod(name: string): string | null {
  return Object.hasOwn(METHODS, name) ? `${name} ${METHODS[name]}` : null;
}

function inexactName(node: ts.Identifier): string | null {
  if (isOnlyAName(node)) return null;
  if (node.text === 'Math') return inexactMath(node);
  if (node.text === 'RegExp')
    return 'RegExp made at run time cannot be checked; write the pattern as a literal';
  return Object.hasOwn(GLOBALS, node.text) ? `${node.text}: ${GLOBALS[node.text]}` : null;
}

/** `x.Date`, `{ Date: … }` and types name something else than the global value. */
function isOnlyAName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) return parent.name === node;
  return ts.isTypeReferenceNode(parent);
}

function inexactMath(node: ts.Identifier): string | null {
  const { parent } = node;
  if (!ts.isPropertyAccessExpression(parent) || parent.expression !== node) {
    return 'Math as a value hides which function is called; write Math.name';
  }
  const { text } = parent.name;
  return EXACT_MATH.has(text)
    ? null
    : `Math.${text} is rounded differently by different engines; ship your own`;
}

/** @param literal with its slashes and flags */
function inexactPattern(literal: string): string | null {
  const end = literal.lastIndexOf('/');
  const pattern = literal.slice(1, end);
  const flags = literal.slice(end + 1);
  const unicode = /[uv]/.test(flags);
  if (unicode && /\\[pP]\{/.test(pattern)) return '\\p{…} depends on the Unicode version; ship the table';
  if (flags.includes('i') && (unicode || /[^\0-\x7f]|\\u/.test(pattern))) {
    return 'the i flag folds case by the Unicode version of the engine; spell both cases';
  }
  return null;
}

if (isProgram(import.meta)) {
  const files = repositoryFiles().filter(isHeld);
  const findings = files.flatMap((file) => checkDeterminism(file, readText(file)));
  report(findings, `${files.length} files use only exact arithmetic and shipped tables`);
}
