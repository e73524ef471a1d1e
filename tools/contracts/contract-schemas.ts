import { completionJobSchema, embeddingsJobSchema, jobOutcomeSchema, serializedErrorSchema } from '#libs/contracts';
import { z } from 'zod';

/** What other languages read and write, by the name of its file in `docs/contracts`. */
const CONTRACTS = {
  'completion-job': {
    schema: completionJobSchema,
    title: 'Completion job',
    description: 'The data of a job in the queue `completion`: an envelope around an OpenAI chat-completions body.',
  },
  'embeddings-job': {
    schema: embeddingsJobSchema,
    title: 'Embeddings job',
    description: 'The data of a job in the queue `completion`: an envelope around an OpenAI embeddings body.',
  },
  'job-outcome': {
    schema: jobOutcomeSchema,
    title: 'Job outcome',
    description:
      'The one final word on a job, as it lies in Redis: the answer of the provider, and who gave it, or a typed error. Further fields may come.',
  },
  error: {
    schema: serializedErrorSchema,
    title: 'Error',
    description: 'An error with a stable code; docs/errors.md says what each means.',
  },
} as const;

/** JSON Schema documents as texts, by file name. Written once from what checks the values here, so that both say the same. */
export function contractSchemas(): Map<string, string> {
  return new Map(
    Object.entries(CONTRACTS).map(([name, { schema, title, description }]) => {
      // As it is written by others: a field with a default may be left out.
      const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
      const document = { $schema, $id: `${name}.schema.json`, title, description, ...rest };
      return [`${name}.schema.json`, `${JSON.stringify(document, null, 2)}\n`];
    }),
  );
}
