import { z } from 'zod';
import { wholeNumber } from './scalars.js';

/** What a target does: it answers conversations, or turns texts into vectors. */
export const operationOfTarget = z
  .enum(['chat', 'embeddings'], { error: 'must be one of: chat, embeddings' })
  .default('chat');

/** What vectors a target makes. Those of two spaces do not compare, whatever their length. */
export const vectorsOfTarget = z
  .strictObject({
    /** Name of the vector space; the same for targets that give the same vectors. Default: the model's own name. */
    space: z.string().min(1).optional(),
    /** Numbers in each vector where the request does not say; what has another length is no answer. */
    dimensions: wholeNumber(1, 1_000_000).optional(),
  })
  .optional();
