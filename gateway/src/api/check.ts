import type { Static, TSchema } from '@sinclair/typebox';
import {
  type TypeCheck,
  TypeCompiler,
  type ValueError,
  type ValueErrorIterator,
  ValueErrorType,
} from '@sinclair/typebox/compiler';
import { ApiError, type ErrorCode } from '@zerogpu/protocol';

/**
 * Checks a body against a schema of protocol and narrows its type.
 * @param nulls what a field that is null means: nothing (`absent`, as OpenAI's clients mean it), or null (`kept`)
 * @throws ApiError with the field in `param`: missing_required_parameter, invalid_type, invalid_value, string_above_max_length
 */
export function checker<T extends TSchema>(
  schema: T,
  nulls: 'absent' | 'kept' = 'absent',
): (body: Record<string, unknown>) => Static<T> {
  const compiled: TypeCheck<T> = TypeCompiler.Compile(schema);
  return (body) => {
    const present = nulls === 'kept' ? body : withoutNulls(body);
    if (compiled.Check(present)) return present;
    throw issueOf(compiled.Errors(present).First());
  };
}

/** What a caller puts here is handed on as it is. */
const FREE_FORM = new Set(['metadata', 'schema', 'tools', 'tool_choice']);

/** A field that is null counts as absent: OpenAI's clients send null for what was not set, and so do their answers. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null)
      .map(([name, field]) => [name, FREE_FORM.has(name) ? field : withoutNulls(field)]),
  );
}

function issueOf(error: ValueError | undefined): ApiError {
  if (!error) return new ApiError('invalid_value');
  const { exact, wanted } = mostExact(error);
  const param = paramOf(exact.path);
  const code = codeOf(exact);
  const message =
    code === 'missing_required_parameter' ? `${param} is required` : `${param} must be ${wanted}`;
  return new ApiError(code, { message, param });
}

interface Issue {
  readonly exact: ValueError;
  /** What the field must be, in words. */
  readonly wanted: string;
}

/** A union fails with all of its branches; the one that the caller meant tells what is wrong. */
function mostExact(error: ValueError): Issue {
  const description = error.schema.description;
  const wanted = description ?? error.message.replace(/^Expected /, '').toLowerCase();
  const branches: readonly TSchema[] = error.type === ValueErrorType.Union ? error.schema['anyOf'] : [];
  const meant = branches.findIndex((branch) => isMeant(branch, error.value));
  const inner = meant >= 0 ? firstOf(error.errors[meant]) : describedTag(error);
  if (!inner) return { exact: error, wanted };
  const issue = mostExact(inner);
  const isWhole = issue.exact.path === error.path && issue.exact.schema.description === undefined;
  return isWhole ? { exact: issue.exact, wanted } : issue;
}

/** The fields that tell the branches of a union of objects apart. */
const TAGS = ['role', 'type'] as const;

/** True when a value is of a branch's type and, for an object, carries its tag: only the rest can be wrong. */
function isMeant(branch: TSchema, value: unknown): boolean {
  if (Array.isArray(branch['anyOf'])) return branch['anyOf'].some((inner: TSchema) => isMeant(inner, value));
  if (branch['const'] !== undefined) return branch['const'] === value;
  if (branch['type'] === 'array') return Array.isArray(value);
  if (branch['type'] === 'null') return value === null;
  if (branch['type'] !== 'object') return typeof value === branch['type'];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const fields: [string, unknown][] = Object.entries(value);
  return TAGS.every((tag) => {
    const field: TSchema | undefined = branch['properties']?.[tag];
    return field === undefined || isMeant(field, fields.find(([name]) => name === tag)?.[1]);
  });
}

/** A wrong tag comes before a field that is missing beside it: a picture has no text. */
function firstOf(errors: ValueErrorIterator | undefined): ValueError | undefined {
  const first = errors?.First();
  if (first?.type !== ValueErrorType.ObjectRequiredProperty) return first;
  const parent = first.path.slice(0, first.path.lastIndexOf('/') + 1);
  for (const error of errors ?? []) {
    if (!error.path.startsWith(parent)) break;
    if (TAGS.some((tag) => error.path === parent + tag)) return error;
  }
  return first;
}

/** No branch is meant because the tag is wrong: the tag itself, where its schema says what it may be. */
function describedTag(error: ValueError): ValueError | undefined {
  if (error.type !== ValueErrorType.Union) return undefined;
  const firsts = error.errors.map((branch) => branch.First()).filter((first) => first !== undefined);
  return firsts.find(({ path, schema }) => /\/(role|type)$/.test(path) && schema.description !== undefined);
}

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
]);

function codeOf(error: ValueError): ErrorCode {
  if (error.type === ValueErrorType.ObjectRequiredProperty) return 'missing_required_parameter';
  if (error.type === ValueErrorType.StringMaxLength) return 'string_above_max_length';
  if (error.type === ValueErrorType.Union) return isOfNoBranch(error) ? 'invalid_type' : 'invalid_value';
  return TYPE_ERRORS.has(error.type) ? 'invalid_type' : 'invalid_value';
}

/** A number where a text or an array may stand is of the wrong type; an unknown word among words has a wrong value. */
function isOfNoBranch({ schema, value }: ValueError): boolean {
  const branches: readonly TSchema[] = schema['anyOf'];
  const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  return !branches.some((branch) => branch['type'] === type);
}
