/** TypeScript's words for what a JSON schema of ours allows. Pure. */

/** As TypeBox makes it, or as it stands in the OpenAPI document. */
// biome-ignore lint/suspicious/noExplicitAny: a schema has whatever keywords it has
export type Schema = Readonly<Record<string, any>>;

/**
 * The type of a schema; a named schema inside is its name.
 *
 * @example
 * typeOf({ type: 'array', items: { $ref: '#/components/schemas/Key' } }) // 'Key[]'
 * @throws Error for a schema that allows what cannot be said
 */
export function typeOf(schema: Schema, indent = ''): string {
  const { $id, $ref } = schema;
  if (typeof $ref === 'string') return $ref.split('/').at(-1) ?? '';
  if (typeof $id === 'string') return $id;
  if ('const' in schema) return literal(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map(literal).join(' | ');
  if (Array.isArray(schema['anyOf'])) return joined(schema['anyOf'], ' | ', indent);
  if (Array.isArray(schema['allOf'])) return joined(schema['allOf'], ' & ', indent);
  return ofType(schema, indent);
}

function joined(schemas: readonly Schema[], by: string, indent: string): string {
  return [...new Set(schemas.map((schema) => typeOf(schema, indent)))].join(by);
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value.replaceAll(/['\\]/g, '\\$&')}'` : JSON.stringify(value);
}

function ofType(schema: Schema, indent: string): string {
  switch (schema['type']) {
    case undefined:
      return 'unknown';
    case 'integer':
      return 'number';
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return schema['type'];
    case 'array':
      return arrayOf(typeOf(schema['items'] ?? {}, indent));
    case 'object':
      return objectOf(schema, indent);
    default:
      throw new Error(`No type for ${JSON.stringify(schema).slice(0, 200)}`);
  }
}

function arrayOf(item: string): string {
  return /[|&{ ]/.test(item) && !item.startsWith('{') ? `(${item})[]` : `${item}[]`;
}

function objectOf(schema: Schema, indent: string): string {
  const { properties, patternProperties, additionalProperties } = schema;
  if (properties === undefined) {
    const [values] = Object.values<Schema>(patternProperties ?? {});
    const others = typeof additionalProperties === 'object' ? additionalProperties : {};
    return `Record<string, ${typeOf(values ?? others, indent)}>`;
  }
  const required: readonly string[] = schema['required'] ?? [];
  const inner = `${indent}  `;
  const lines = Object.entries<Schema>(properties).map(([name, property]) =>
    propertyOf(name, property, required.includes(name), inner),
  );
  return lines.length === 0 ? 'Record<string, never>' : `{\n${lines.join('\n')}\n${indent}}`;
}

function propertyOf(name: string, property: Schema, required: boolean, indent: string): string {
  const description = descriptionOf(property);
  const key = /^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`;
  const told =
    typeof description === 'string' ? `${indent}/** ${description.replaceAll('*/', '* /')} */\n` : '';
  const type = typeOf(property, indent);
  return `${told}${indent}${key}${required ? '' : '?'}: ${type}${required ? '' : ' | undefined'};`;
}

/** Its own, or that of what it is when it is not null. */
function descriptionOf({ description, anyOf = [] }: Schema): string | undefined {
  if (typeof description === 'string') return description;
  const branches: readonly Schema[] = anyOf;
  return branches.length === 2 && branches[1]?.['type'] === 'null' ? branches[0]?.['description'] : undefined;
}
