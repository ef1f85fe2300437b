import { type Inference, type ModelManifest, plainInference, type Task } from '@zerogpu/protocol';

/** A text of ours in which most tasks find something. */
const TEXT =
  'The council of the harbour town voted on Tuesday to rebuild the old bridge. Engineers had found cracks in two of ' +
  'its pillars last winter. “The work will cost 14 million euros and take three years,” the mayor, Clara Winther, ' +
  'said. Ferries will carry commuters across the river meanwhile, and shop owners on the north bank fear for their ' +
  'trade. Questions go to bridge@harbour.example or +44 20 7946 0018.';

type Options = Partial<Pick<Inference, 'instructions' | 'metadata'>>;

/** What a task needs beside its text, in each of its use cases; a task that is not here needs nothing. */
const OPTIONS: Partial<Record<Task, readonly Options[]>> = {
  'zero-shot-classification': [{ instructions: '[local politics, sports, cooking]' }],
  extraction: [
    { metadata: { usecase: 'ner', labels: ['person', 'location', 'amount of money'] } },
    { metadata: { usecase: 'json', schema: { project: ['what::str', 'cost::str', 'years::int'] } } },
    { metadata: { usecase: 'classification', schema: { topic: ['local politics', 'sports'] } } },
  ],
  pii: [{ metadata: { usecase: 'redact' } }, { metadata: { usecase: 'extract-pii' } }],
};

/** Requests that a model works on, one for each use case of its task. */
export function exampleInferences({ id, task }: ModelManifest): Inference[] {
  return (OPTIONS[task] ?? [{}]).map((options) => ({ ...plainInference(id, TEXT), ...options }));
}
