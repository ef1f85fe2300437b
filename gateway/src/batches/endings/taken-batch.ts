/** A batch in the hands of the worker that ends it. */
export interface TakenBatch {
  readonly id: string;
  readonly projectId: string;
  readonly ending: Ending;
  /** What its files are called, if it gets them. */
  readonly outputId: string;
  readonly errorId: string;
  /** Somebody began to make its files before, and may have left some. */
  readonly again: boolean;
}

/** How it comes to an end: with every line done, or with lines that never ran. */
export type Ending = 'completed' | 'cancelled' | 'expired';

/** Another worker has the batch now, because this one was taken for dead. */
export class BatchLost extends Error {
  override readonly name = 'BatchLost';

  constructor(batchId: string) {
    super(`Another worker ends ${batchId}`);
  }
}
