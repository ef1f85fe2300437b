import { type Static, Type } from '@sinclair/typebox';

/** A model in the shape of the OpenAI API, with ours under `zerogpu`. */
export const ModelEntry = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('model'),
    created: Type.Integer({ description: 'Unix seconds' }),
    owned_by: Type.String(),
    zerogpu: Type.Object({
      task: Type.String(),
      family: Type.Union([Type.Literal('built-in'), Type.Literal('hub')]),
      description: Type.String(),
      params: Type.Union([Type.Integer(), Type.Null()]),
      max_tokens: Type.Integer({ description: 'longest input, in tokens' }),
      error_on_max_token: Type.Boolean({ description: 'a longer input is refused (true) or cut (false)' }),
      max_output_tokens: Type.Integer(),
      price_per_million: Type.Object(
        { input: Type.String(), output: Type.String() },
        { description: 'in US dollars, as exact decimals' },
      ),
      routes: Type.Array(Type.String()),
      licence: Type.String(),
      licence_notice: Type.Union([Type.String(), Type.Null()], {
        description: 'what a copy of the model must say of its sources',
      }),
      hub: Type.Union([
        Type.Object({
          repository: Type.String(),
          revision: Type.String(),
          files: Type.Array(Type.String(), { description: 'empty where they are not settled yet' }),
        }),
        Type.Null(),
      ]),
      stand_in: Type.Union([Type.String(), Type.Null()], {
        description: 'the built-in that answers for it where the project lets it',
      }),
      available: Type.Boolean({ description: 'something can serve it at this moment' }),
      edge_nodes: Type.Integer({ description: 'connected nodes that have it' }),
      fallback: Type.Boolean({ description: 'an upstream has it' }),
      how_to_serve: Type.Union([Type.String(), Type.Null()], {
        description: 'what the operator does to make it available; null when it is',
      }),
    }),
  },
  { $id: 'Model' },
);
export type ModelEntry = Static<typeof ModelEntry>;

export const ModelList = Type.Object(
  { object: Type.Literal('list'), data: Type.Array(ModelEntry) },
  { $id: 'ModelList' },
);
export type ModelList = Static<typeof ModelList>;

const ComponentHealth = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('down')]),
  error: Type.Union([Type.String(), Type.Null()]),
});

/** The answer of `GET /health`. */
export const Health = Type.Object(
  {
    status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('down')]),
    components: Type.Object({
      worker: ComponentHealth,
      deviceRegistry: ComponentHealth,
      keys: ComponentHealth,
      database: ComponentHealth,
      cloudInference: ComponentHealth,
    }),
  },
  { $id: 'Health' },
);
export type Health = Static<typeof Health>;
