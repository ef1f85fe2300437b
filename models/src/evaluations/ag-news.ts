import { readFile } from 'node:fs/promises';
import path from 'node:path';

export interface NewsCase {
  readonly label: string;
  /** Title and description, as they are in the file. */
  readonly text: string;
}

const FIELD = /"((?:[^"]|"")*)"(?:,|$)/g;

/** The AG News test split. @param data the folder of the corpora */
export async function agNews(data: string): Promise<NewsCase[]> {
  const folder = path.join(data, 'eval/agnews');
  const classes = (await readFile(path.join(folder, 'classes.txt'), 'utf8')).trim().split('\n');
  const rows = (await readFile(path.join(folder, 'test.csv'), 'utf8')).trim().split('\n');
  return rows.map((row) => {
    const [label = '', title = '', description = ''] = [...row.matchAll(FIELD)].map((match) =>
      (match[1] ?? '').replaceAll('""', '"'),
    );
    return { label: classes[Number(label) - 1]?.trim() ?? '', text: `${title}\n${description}` };
  });
}
