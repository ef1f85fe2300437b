/**
 * Type-checks what also runs in a browser with DOM types only: `node:` imports, `process`, `Buffer` and every
 * other Node global are then unknown words. The ordinary type check cannot see them, because it has Node's types.
 */
import path from 'node:path';
import ts from 'typescript';
import { type Finding, isProgram, isTestCode, ROOT, report, repositoryFiles } from './repo.ts';

/** What must run in a browser, and why. Entries that end with `/` are folders. */
export const BROWSER_SAFE: readonly { readonly place: string; readonly reason: string }[] = [
  { place: 'protocol/src/', reason: 'browser nodes, the sdk and the dashboard speak it' },
  { place: 'catalogue/src/', reason: 'a browser node reads manifests and counts tokens' },
  { place: 'runtimes/src/runtime.ts', reason: 'the interface of every runtime' },
  { place: 'runtimes/src/zlm/', reason: 'built-in models run in browser nodes' },
  { place: 'clients/sdk/src/', reason: 'web pages call the API with it' },
  { place: 'gateway/src/pages/browser/', reason: 'the scripts of pages, sent as they are' },
  { place: 'node/src/', reason: 'the core of a node is the same in Node and in a browser' },
  { place: 'node/browser/', reason: 'the page of the browser node and its worker' },
];

/** Native halves inside those places. */
export const NATIVE: readonly { readonly place: string; readonly reason: string }[] = [
  { place: 'node/src/node-platform/', reason: 'what differs between Node and a browser lives here' },
  { place: 'node/src/command/', reason: 'the commands of a terminal: files, services, a screen of text' },
  { place: 'node/src/main.ts', reason: 'the program that runs a node under Node' },
];

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2024,
  lib: ['lib.es2024.d.ts', 'lib.esnext.typedarrays.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  allowJs: true,
  checkJs: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
};

const isIn = (file: string, place: string) => (place.endsWith('/') ? file.startsWith(place) : file === place);

/** The files that are held to the rule: tests run under Node only. */
export function browserFiles(files: readonly string[]): string[] {
  return files.filter(
    (file) =>
      /\.[jt]s$/.test(file) &&
      !isTestCode(file) &&
      BROWSER_SAFE.some(({ place }) => isIn(file, place)) &&
      !NATIVE.some(({ place }) => isIn(file, place)),
  );
}

/** @param files relative to `root` */
export function checkBrowserSafe(files: readonly string[], root: string = ROOT): Finding[] {
  const program = ts.createProgram(
    files.map((file) => path.join(root, file)),
    OPTIONS,
  );
  const leaked = program.getSourceFiles().find((source) => source.fileName.includes('/@types/node/'));
  const diagnostics = [...program.getOptionsDiagnostics(), ...ts.getPreEmitDiagnostics(program)];
  const findings = diagnostics.map((diagnostic) => toFinding(diagnostic, root));
  // Node's globals would be known everywhere once one file pulls them in, and nothing would be found any more.
  if (leaked)
    findings.push({ file: 'tools/check-browser-safe.ts', line: 0, message: 'a file pulls in @types/node' });
  return findings;
}

function toFinding(diagnostic: ts.Diagnostic, root: string): Finding {
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
  if (!diagnostic.file) return { file: '(options)', line: 0, message };
  const { line } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
  const file = path.relative(root, diagnostic.file.fileName).replaceAll(path.sep, '/');
  return { file, line: line + 1, message };
}

if (isProgram(import.meta)) {
  const files = browserFiles(repositoryFiles());
  report(checkBrowserSafe(files), `${files.length} files compile with DOM types only`);
}
