import { TypeCompiler } from '@sinclair/typebox/compiler';
import {
  type Answer,
  ApiError,
  ModerationResult,
  type ModerationsAnswer,
  ModerationsRequest,
  plainInference,
} from '@zerogpu/protocol';
import { checker } from './check.ts';
import { arrayOf, inOnePiece, notInForm } from './json-answer.ts';
import { type Endpoint, idTail } from './shape.ts';

const MODEL = 'zlm-v1-moderation-edge';
const check = checker(ModerationsRequest);
const results = TypeCompiler.Compile(ModerationResult);

/** `POST /v1/moderations` */
export const moderationsEndpoint: Endpoint = {
  route: 'moderations',
  read(body) {
    const { model = MODEL, input } = check(body);
    const texts = textsOf(input);
    return {
      inference: { ...plainInference(model, texts[0] ?? ''), texts },
      shape: ({ requestId }) => inOnePiece((answer) => wholeOf(answer, requestId, texts.length)),
    };
  },
};

/**
 * As OpenAI reads it: strings are judged one by one, the parts of an array of parts together as one text.
 * @throws ApiError invalid_value
 */
function textsOf(input: ModerationsRequest['input']): string[] {
  if (typeof input === 'string') return [input];
  const texts = input.map((item) => (typeof item === 'string' ? item : item.text));
  const parts = input.filter((item) => typeof item !== 'string').length;
  if (parts === 0) return texts;
  if (parts === input.length) return [texts.join('\n')];
  throw new ApiError('invalid_value', {
    message: 'input must be strings, or parts of one text, not both',
    param: 'input',
  });
}

function wholeOf(answer: Answer, requestId: string, texts: number): ModerationsAnswer {
  return {
    id: `modr-${idTail(requestId)}`,
    model: answer.model,
    results: arrayOf(answer, texts).map((result) => {
      if (!results.Check(result)) throw notInForm(answer);
      return result;
    }),
  };
}
