/** Options of a request do not fit the model's task. Answered as 400; the message ends with an example that works. */
export class TaskOptionsError extends Error {
  override readonly name = 'TaskOptionsError';
  /** The field, such as `metadata.labels`. */
  readonly param: string;
  /** What is wrong, without the example. */
  readonly complaint: string;
  /** A part of a body that would be accepted. */
  readonly example: object;

  /** @param example a body's part that would be accepted, shown to the caller as JSON */
  constructor(param: string, complaint: string, example: object) {
    super(`${complaint}. For example: ${JSON.stringify(example)}`);
    this.param = param;
    this.complaint = complaint;
    this.example = example;
  }
}
