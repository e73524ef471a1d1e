import { parseEnv, serviceEnv } from '#libs/config';
import { Inject, Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { bootService } from './boot-service.js';
import { Readiness, type Condition } from './readiness.js';
import { runService } from './run-service.js';

/** What the service of this process does when it has to stop: nothing special, hang, fail, or crash before. */
const behaviour = process.argv.at(-1);

@Injectable()
class Behaviour implements OnModuleDestroy {
  private readonly condition: Condition;

  constructor(@Inject(Readiness) readiness: Readiness) {
    this.condition = readiness.require('spec');
  }

  onApplicationBootstrap(): void {
    setImmediate(() => this.condition.met());
    if (behaviour === 'crash') setImmediate(() => void Promise.reject(new Error('a fault of ours')));
  }

  async onModuleDestroy(): Promise<void> {
    if (behaviour === 'hang') await new Promise(() => setInterval(() => {}, 1_000));
  }
}

class Failing extends Server implements CustomTransportStrategy {
  listen(callback: () => void): void {
    callback();
  }
  close(): void {
    throw new Error('cannot close');
  }
  on(): void {}
  unwrap<T>(): T {
    return undefined as T;
  }
}

@Module({ providers: [Behaviour] })
class FixtureModule {}

await bootService(async () => {
  const env = parseEnv(serviceEnv(0));
  const strategies = () => (behaviour === 'fail' ? [new Failing()] : []);
  await runService({ name: 'fixture', env, module: FixtureModule, strategies });
});
