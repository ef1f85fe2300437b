/**
 * Nothing in the repository says where it was made or where packages came from, and nothing in it is secret.
 * A place that is true of one machine only breaks on the next one; a secret in history cannot be taken back.
 */
import { type Finding, isProgram, readText, report, repositoryFiles } from './repo.ts';

interface Rule {
  readonly pattern: RegExp;
  readonly message: string;
  /** Files that the rule is not for. */
  readonly except?: RegExp;
}

const TESTS = /\.test\.ts$|^tests\/|(^|\/)test_\w+\.py$/;

const RULES: readonly Rule[] = [
  {
    pattern: /(?<![\w.~-])\/(?:work|root|home\/\w+|Users\/\w+|mnt)\/[\w.-]/,
    message: 'a path of one machine',
  },
  {
    pattern: /(?<![\w.])\/tmp\/[\w.-]/,
    message: 'a path of one machine; ask the system for its folder',
    except: TESTS,
  },
  {
    pattern: /https?:\/\/(?:registry\.|[\w.-]*(?:npmjs|yarnpkg|pypi|artifactory|nexus)\b)/i,
    message: 'a package registry’s address',
  },
  {
    pattern: /"resolved":\s*"\w+:\/\//,
    message: 'a lockfile entry with an address (.npmrc leaves them out)',
  },
  { pattern: /-----BEGIN (?:\w+ )*PRIVATE KEY-----/, message: 'a private key', except: TESTS },
  { pattern: /\bzgpu-(?:api|join)-[0-9A-Za-z]{38}\b/, message: 'a key or join token', except: TESTS },
  {
    // One that says EXAMPLE, as the keys of the vendors' manuals do, opens nothing.
    pattern:
      /\b(?![\w/+]*EXAMPLE)(?:AKIA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|npm_[0-9A-Za-z]{36}|hf_[0-9A-Za-z]{30,}|sk_live_\w{16,})/,
    message: 'a secret of another service',
  },
];

/** Weights, corpora and pictures: not text that somebody wrote here. */
const NOT_TEXT = /\.(?:zlm|bin|gz|zst|png|jpe?g|ico|woff2?|wasm|pdf|parquet)$/;

/** Every line of a file that breaks a rule. Pure. */
export function checkPlaces(file: string, text: string): Finding[] {
  const rules = RULES.filter((rule) => !rule.except?.test(file));
  return text.split('\n').flatMap((line, index) =>
    rules
      .filter((rule) => rule.pattern.test(line))
      .map((rule) => ({
        file,
        line: index + 1,
        message: `${rule.message}: ${excerpt(line, rule.pattern)}`,
      })),
  );
}

/** Enough to find it by; of a secret, not enough to use it. */
function excerpt(line: string, pattern: RegExp): string {
  return `${pattern.exec(line)?.[0].slice(0, 24)}…`;
}

if (isProgram(import.meta)) {
  const files = repositoryFiles().filter((file) => !NOT_TEXT.test(file));
  const findings = files.flatMap((file) => checkPlaces(file, readText(file)));
  report(findings, `${files.length} files name no machine, no registry and no secret`);
}
