import { CallLog } from './call-log.js';
import { ActiveFaults, type FaultScope } from './faults/active-faults.js';
import type { Fault } from './faults/fault.js';
import { faultOf, type FaultAction } from './faults/fault-action.js';
import type { FaultSpan } from './faults/fault-span.js';
import { ProviderRegistry } from './provider-registry.js';
import type { Script } from './script.js';
import { Timeline } from './timeline.js';

/** Told of every change to the providers' behaviour: one line each in the log. */
export type ChangeListener = (change: Record<string, unknown>, message: string) => void;

/** A provider or model that is not there; `field` says which of the two was wrong. */
export class UnknownScopeError extends Error {
  override readonly name = 'UnknownScopeError';
  readonly code = 'SIMULATOR_UNKNOWN_SCOPE';

  constructor(
    readonly field: 'provider' | 'model',
    message: string,
  ) {
    super(message);
  }
}

/** Everything the simulator knows, apart from HTTP. */
export class Simulation {
  readonly seed: number;
  readonly providers: ProviderRegistry;
  readonly faults: ActiveFaults;
  readonly calls: CallLog;
  readonly timeline: Timeline;

  constructor(
    script: Script,
    private readonly onChange: ChangeListener = () => {},
    options: { keepBodies?: boolean } = {},
  ) {
    this.calls = new CallLog(options);
    this.seed = script.seed;
    this.providers = new ProviderRegistry({
      seed: script.seed,
      autoProviders: script.autoProviders,
      defaultLatency: script.latency,
    });
    for (const [name, provider] of Object.entries(script.providers)) this.providers.put(name, provider);
    this.faults = new ActiveFaults(script.seed);
    this.timeline = new Timeline(script.timeline, (action) => this.play(action));
  }

  /** Carries out an action now. Returns the id of the fault it set, or how many it cleared. Throws UnknownScopeError. */
  act(action: FaultAction): { id: string } | { cleared: number } {
    if (action.action !== 'revive') return { id: this.setFault(action, faultOf(action), action) };
    this.assertKnown(action);
    return { cleared: this.clearFaults(action) };
  }

  /** Puts a fault in force and returns its id. Throws UnknownScopeError. */
  setFault({ provider, model }: FaultScope, fault: Fault, span: FaultSpan): string {
    this.assertKnown({ provider, model });
    const id = this.faults.add({ provider, model }, fault, span, Date.now());
    this.onChange({ id, provider, model, fault }, 'fault set');
    return id;
  }

  /** Clears the faults of a scope, all of them without one; returns how many. */
  clearFaults({ provider, model }: Partial<FaultScope>): number {
    const cleared = this.faults.clear({ provider, model });
    this.onChange({ provider, model, cleared }, 'faults cleared');
    return cleared;
  }

  /** An action of the timeline. Its provider may have been removed since the script was checked. */
  private play(action: FaultAction): void {
    try {
      this.act(action);
    } catch (error) {
      if (!(error instanceof UnknownScopeError)) throw error;
      this.onChange({ action: action.action, atMs: action.atMs }, `timeline action skipped: ${error.message}`);
    }
  }

  private assertKnown({ provider: name, model }: FaultScope): void {
    const provider = this.providers.find(name);
    if (provider === undefined) {
      const names = this.providers.names().join(', ') || 'none yet';
      throw new UnknownScopeError(
        'provider',
        `no provider '${name}'; there are: ${names} (PUT /admin/providers/<name> creates one)`,
      );
    }
    if (model !== undefined && this.providers.findModel(provider, model) === undefined) {
      const names = [...provider.models.keys()].join(', ') || 'none';
      throw new UnknownScopeError('model', `'${name}' has no model '${model}'; it has: ${names}`);
    }
  }
}
