import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';

/**
 * Hands a handler's error to the worker as it is. Nest's own filter turns every error into "Internal server error", and
 * BullMQ could then tell neither a rejected nor a parked job from a failed one. For `@UseFilters` on every controller
 * whose handlers take jobs.
 */
@Catch()
export class PassThroughRpcFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
