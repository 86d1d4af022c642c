/** zod's schemas as those of an OpenAPI document: named ones once, among its components. */
import { z } from 'zod';
import { described } from './described.ts';

/** Part of a JSON document. */
export interface JsonObject {
  readonly [key: string]: unknown;
}

/** A parameter, or a field of a body. */
export interface Property {
  readonly name: string;
  readonly isRequired: boolean;
  readonly meaning: string | null;
  readonly schema: JsonObject;
}

const NAMED = '#/components/schemas/';

export class Schemas {
  readonly #named = new Map<string, unknown>();

  /** All named schemas that were asked for, and those within, by name. */
  get components(): JsonObject {
    return Object.fromEntries([...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What is answered. Clients of this version must bear fields that later ones add, so nothing is said of others. */
  answer(schema: z.ZodType): JsonObject {
    return this.#convert(schema, 'output');
  }

  /** What is asked. */
  question(schema: z.ZodType): JsonObject {
    return this.#convert(schema, 'input');
  }

  /** The parts of what is asked; none where it is no object. */
  properties(schema: z.ZodType): Property[] {
    const { properties = {}, required = [] } = this.question(schema) as ObjectSchema;
    return Object.entries(properties).map(([name, { description = null, ...rest }]) => ({
      ...{ name, meaning: description, schema: rest },
      isRequired: required.includes(name),
    }));
  }

  #convert(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
    // within another one, as only there it is referred to by its name
    const around = z.toJSONSchema(z.object({ it: schema }), { io, metadata: described, override: tidy });
    const { properties, $defs } = JSON.parse(JSON.stringify(around).replaceAll('"#/$defs/', `"${NAMED}`)) as Converted;
    for (const [name, definition] of Object.entries($defs ?? {})) this.#named.set(name, definition);
    return properties.it;
  }
}

interface Converted {
  readonly properties: { readonly it: JsonObject };
  readonly $defs?: JsonObject;
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, JsonObject & { readonly description?: string }>>;
  readonly required?: readonly string[];
}

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>;

const tidy: Override = ({ zodSchema, jsonSchema }) => {
  const { def } = zodSchema._zod;
  if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties;
  // lost where what is given is looked at before the schema
  if (def.type === 'default') jsonSchema.default = def.defaultValue as typeof jsonSchema.default;
  // every whole number that JavaScript knows is no bound
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
};
