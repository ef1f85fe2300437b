/** Something that the user can mend: printed as it is, without a stack. It says what to do next. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function codeOf(error: unknown): string {
  return String(Object(error).code ?? '');
}
