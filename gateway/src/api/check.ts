import type { Static, TSchema } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler, type ValueError, ValueErrorType } from '@sinclair/typebox/compiler';
import { ApiError, type ErrorCode } from '@zerogpu/protocol';

/**
 * Checks a body against a schema of protocol and narrows its type.
 * @throws ApiError with the field in `param`: missing_required_parameter, invalid_type, invalid_value, string_above_max_length
 */
export function checker<T extends TSchema>(schema: T): (body: Record<string, unknown>) => Static<T> {
  const compiled: TypeCheck<T> = TypeCompiler.Compile(schema);
  return (body) => {
    // A field that is null counts as absent: OpenAI's clients send null for options that were not set.
    const present = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
    if (compiled.Check(present)) return present;
    throw issueOf(compiled.Errors(present).First());
  };
}

function issueOf(error: ValueError | undefined): ApiError {
  if (!error) return new ApiError('invalid_value');
  const exact = mostExact(error);
  const param = paramOf(exact.path);
  const code = codeOf(exact);
  const wanted = exact.schema.description ?? exact.message.toLowerCase();
  const message =
    code === 'missing_required_parameter' ? `${param} is required` : `${param} must be ${wanted}`;
  return new ApiError(code, { message, param });
}

/** A union fails with all of its branches; the branch that got furthest is the one that the caller meant. */
function mostExact(error: ValueError): ValueError {
  if (error.type !== ValueErrorType.Union) return error;
  let best = error;
  for (const branch of error.errors) {
    const first = branch.First();
    if (!first) continue;
    const inner = mostExact(first);
    if (depth(inner.path) > depth(best.path) || (isLengthOf(inner) && inner.path === best.path)) best = inner;
  }
  return best;
}

/** A text of the wrong length is of the right type: say the length, not the choice of types. */
function isLengthOf(error: ValueError): boolean {
  return error.type === ValueErrorType.StringMaxLength || error.type === ValueErrorType.StringMinLength;
}

const depth = (path: string): number => path.split('/').length;

/** `/messages/0/content` → `messages[0].content` */
function paramOf(path: string): string {
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(
      (whole, part) => (/^\d+$/.test(part) ? `${whole}[${part}]` : whole === '' ? part : `${whole}.${part}`),
      '',
    )
    .slice(0, 200);
}

const TYPE_ERRORS = new Set([
  ValueErrorType.Array,
  ValueErrorType.Boolean,
  ValueErrorType.Integer,
  ValueErrorType.Number,
  ValueErrorType.Object,
  ValueErrorType.String,
  ValueErrorType.Union,
]);

function codeOf(error: ValueError): ErrorCode {
  if (error.type === ValueErrorType.ObjectRequiredProperty) return 'missing_required_parameter';
  if (error.type === ValueErrorType.StringMaxLength) return 'string_above_max_length';
  return TYPE_ERRORS.has(error.type) ? 'invalid_type' : 'invalid_value';
}
