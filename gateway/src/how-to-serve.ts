import type { ModelManifest } from '@zerogpu/protocol';

/** What the operator does so that a model answers: for the error that says that nobody does, and for the list of models. */
export function howToServe(manifest: ModelManifest): string {
  return manifest.family === 'hub' ? ofHub(manifest) : ofBuiltIn(manifest);
}

function ofBuiltIn({ files }: ModelManifest): string {
  if (files.length === 0) return 'This copy of the repository has no weights of it';
  return 'Connect a node that has it, or name an upstream for it in ZEROGPU_UPSTREAMS';
}

function ofHub({ id, task, standIn }: ModelManifest): string {
  const upstream = 'Name an upstream that serves it in ZEROGPU_UPSTREAMS';
  const only = task === 'chat' ? ', for bare text to summarize,' : '';
  const instead = standIn === null ? '' : `, or${only} let ${standIn} stand in for it: ZEROGPU_STANDINS=on`;
  return `${upstream}${instead}. The command \`zerogpu models pull ${id}\` comes with a later version`;
}
