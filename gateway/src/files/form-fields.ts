/** What the fields of an upload may say. Pure. */
import { ApiError } from '@zerogpu/protocol';

type Fields = ReadonlyMap<string, string>;

const ANCHOR = 'expires_after[anchor]';
const SECONDS = 'expires_after[seconds]';
/** As OpenAI has it: a file that goes sooner would be gone before a batch of it has begun. */
const SHORTEST_SECONDS = 3_600;
const DAY_SECONDS = 24 * 60 * 60;

/** @throws ApiError invalid_purpose */
export function purposeOf(fields: Fields): 'batch' {
  const purpose = fields.get('purpose');
  if (purpose === 'batch') return purpose;
  const said = purpose === undefined ? 'the form has no field "purpose"' : `not ${JSON.stringify(purpose)}`;
  throw new ApiError('invalid_purpose', { message: `purpose must be "batch"; ${said}`, param: 'purpose' });
}

/**
 * How long a file lives, in milliseconds: as `expires_after` says, else as long as any.
 * @throws ApiError missing_required_parameter, invalid_value
 */
export function expiryOf(fields: Fields, days: number): number {
  const anchor = fields.get(ANCHOR);
  const seconds = fields.get(SECONDS);
  if (anchor === undefined && seconds === undefined) return days * DAY_SECONDS * 1000;
  if (anchor === undefined || seconds === undefined) {
    const param = anchor === undefined ? ANCHOR : SECONDS;
    throw new ApiError('missing_required_parameter', { message: `${param} is missing`, param });
  }
  if (anchor !== 'created_at') {
    throw new ApiError('invalid_value', { message: `${ANCHOR} must be "created_at"`, param: ANCHOR });
  }
  const most = days * DAY_SECONDS;
  const given = /^\d{1,10}$/.test(seconds) ? Number(seconds) : Number.NaN;
  if (given >= Math.min(SHORTEST_SECONDS, most) && given <= most) return given * 1000;
  throw new ApiError('invalid_value', {
    message: `${SECONDS} must be an integer from ${SHORTEST_SECONDS} to ${most}`,
    param: SECONDS,
  });
}
