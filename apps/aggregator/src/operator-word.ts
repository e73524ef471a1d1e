import { Inject, Injectable } from '@nestjs/common';
import { AUTO_MODE, type ModeSetting } from '#libs/contracts';
import { LOGGER } from '#libs/service';
import { ModeStore, SnapshotFeed } from '#libs/store';
import type { Logger } from '#libs/telemetry';

/** For people, in place of what the operator gave as a reason: that is lost. */
const KEPT = 'kept when Redis had lost it; set anew to give a reason';

/**
 * What an operator has set about the mode, as the leader goes by it. Whoever takes his word back sets `auto`: a word that is gone was
 * lost, with a Redis that came back empty. Every snapshot carries it, so that each aggregator knows it still.
 */
@Injectable()
export class OperatorWord {
  constructor(
    private readonly store: ModeStore,
    private readonly feed: SnapshotFeed,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Null when nobody has set anything, or when it cannot be read as a setting.
   * @throws what ioredis throws while Redis is away
   */
  async read(): Promise<ModeSetting | null> {
    const setting = await this.store.read();
    const last = this.feed.current?.mode?.setTo ?? AUTO_MODE;
    if (setting || last === AUTO_MODE) return setting;
    const isKept = await this.store.setIfNone({ mode: last, reason: KEPT, at: Date.now() });
    if (isKept)
      this.logger.warn({ event: 'llm.mode.kept', mode: last }, `mode ${last} is set again, because Redis had lost it`);
    return this.store.read();
  }
}
