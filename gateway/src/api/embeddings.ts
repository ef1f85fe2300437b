import {
  type Answer,
  ApiError,
  type EmbeddingsAnswer,
  EmbeddingsRequest,
  type Inference,
  plainInference,
} from '@zerogpu/protocol';
import { checker } from './check.ts';
import { arrayOf, inOnePiece, notInForm } from './json-answer.ts';
import type { Endpoint } from './shape.ts';

const check = checker(EmbeddingsRequest);
const BYTES_PER_FLOAT = 4;

/** `POST /v1/embeddings` */
export const embeddingsEndpoint: Endpoint = {
  route: 'embeddings',
  read(body) {
    refuseTokens(body['input']);
    const request = check(body);
    const inference = inferenceOf(request);
    const asFloats = request.encoding_format !== 'base64';
    return { inference, shape: () => inOnePiece((answer) => wholeOf(answer, inference, asFloats)) };
  },
};

/**
 * Token ids mean something only to the tokenizer that made them.
 * @throws ApiError invalid_type
 */
function refuseTokens(input: unknown): void {
  const first: unknown = Array.isArray(input) ? input[0] : undefined;
  const ids = Array.isArray(first) ? first[0] : first;
  if (typeof ids !== 'number') return;
  throw new ApiError('invalid_type', {
    message: 'input must be text, not token ids: this model has a tokenizer of its own',
    param: 'input',
  });
}

/** Asked for in base64 whatever the caller wants, because that is a third as long as numbers in words. */
function inferenceOf({ model, input, dimensions }: EmbeddingsRequest): Inference {
  const texts = [input].flat();
  const metadata = { encoding_format: 'base64', ...(dimensions === undefined ? {} : { dimensions }) };
  return { ...plainInference(model, texts[0] ?? ''), texts, metadata };
}

function wholeOf(answer: Answer, { texts }: Inference, asFloats: boolean): EmbeddingsAnswer {
  const vectors = arrayOf(answer, texts?.length ?? 1);
  const { inputTokens } = answer.usage;
  return {
    object: 'list',
    data: vectors.map((vector, index) => {
      if (typeof vector !== 'string') throw notInForm(answer);
      return { object: 'embedding', index, embedding: asFloats ? floatsOf(vector) : vector };
    }),
    model: answer.model,
    usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
  };
}

/** @param base64 of little-endian 32-bit floats */
function floatsOf(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: bytes.length / BYTES_PER_FLOAT }, (_, i) =>
    bytes.readFloatLE(i * BYTES_PER_FLOAT),
  );
}
