/** What the API's document says of parameters and of fields of answers, kept beside their schemas. */
import { z } from 'zod';

interface Description {
  readonly description?: string;
  /** Its name in the document; absent: it is written out where it is used. */
  readonly id?: string;
}

/** Every description, by its schema. */
export const described: z.core.$ZodRegistry<Description> = z.registry<Description>();

/** The schema with its meaning: a phrase, with units. */
export function field<S extends z.ZodType>(meaning: string, schema: S): S {
  const own = schema.clone();
  described.add(own, { description: meaning });
  return own;
}

/** An object of answers that has a name of its own. */
export function named<S extends z.ZodType>(id: string, meaning: string, schema: S): S {
  described.add(schema, { id, description: meaning });
  return schema;
}
