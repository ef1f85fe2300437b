import { checkOptions, TaskOptionsError } from '@zerogpu/catalogue';
import {
  ApiError,
  type Inference,
  isRecord,
  type ModelManifest,
  type Route,
  TASK_ROUTES,
} from '@zerogpu/protocol';

/** True where a task's options are fields of the body; elsewhere they are in `metadata`. */
export function isTaskRoute(route: Route): boolean {
  return TASK_ROUTES.some((own) => own === route);
}

/**
 * Options that the model's task cannot work with are refused before anything is held.
 * @throws ApiError invalid_value with an example that works, in the form of the route
 */
export function checkTaskOptions({ task }: ModelManifest, route: Route, asked: Inference): void {
  try {
    checkOptions(task, asked);
  } catch (error) {
    if (!(error instanceof TaskOptionsError)) throw error;
    throw new ApiError('invalid_value', hasMetadata(route) ? error : withoutMetadata(error));
  }
}

function hasMetadata(route: Route): boolean {
  return route === 'responses' || route === 'chat/completions';
}

const flat = (text: string) => text.replaceAll('metadata.', '');

/** The same where the options are fields of the body. */
function withoutMetadata({ param, complaint, example }: TaskOptionsError): {
  message: string;
  param: string;
} {
  const { metadata, ...rest }: { metadata?: unknown } = { ...example };
  const fields = { ...rest, ...(isRecord(metadata) ? metadata : {}) };
  return { message: `${flat(complaint)}. For example: ${JSON.stringify(fields)}`, param: flat(param) };
}
