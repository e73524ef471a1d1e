import { Controller, Get, Param } from '@nestjs/common';
import { UnderstudyError } from '#libs/contracts';
import { ModelsService, type ListedModel } from './models.service.js';

/** `GET /v1/models` and `GET /v1/models/:id`, as OpenAI's SDKs call them. */
@Controller('v1/models')
export class ModelsController {
  constructor(private readonly models: ModelsService) {}

  @Get()
  async list(): Promise<{ object: 'list'; data: ListedModel[] }> {
    return { object: 'list', data: await this.models.list() };
  }

  @Get(':id')
  async find(@Param('id') id: string): Promise<ListedModel> {
    const models = await this.models.list();
    const found = models.find((model) => model.id === id);
    if (found) return found;
    const known = models.map((model) => model.id).join(', ');
    throw new UnderstudyError('unknown_model', `The model "${id}" does not exist; known: ${known}.`, {
      field: 'model',
    });
  }
}
