import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { HttpException, Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';

/** Injection token of AdminDoor. */
export const ADMIN_DOOR = Symbol('ADMIN_DOOR');

/** Where the service listens, and what opens the doors that change something. */
export interface AdminDoor {
  host: string;
  key?: string | undefined;
}

/** Lets in who presents UNDERSTUDY_ADMIN_KEY as `Authorization: Bearer …`; without a key, only callers on this machine. */
@Injectable()
export class AdminGuard implements CanActivate {
  constructor(@Inject(ADMIN_DOOR) private readonly door: AdminDoor) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<IncomingMessage>();
    const { host, key } = this.door;
    if (key !== undefined) {
      const presented = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
      if (presented !== undefined && timingSafeEqual(digestOf(presented), digestOf(key))) return true;
      throw refusal(401, 'invalid_admin_key', 'Send the header Authorization: Bearer <the UNDERSTUDY_ADMIN_KEY>.');
    }
    // A page in a browser on this machine can be made to call us under a name of its own.
    if (isLoopback(host) && isLoopback(nameOf(headers.host))) return true;
    throw refusal(
      403,
      'admin_key_required',
      'This door changes how all jobs are routed and is shut: set UNDERSTUDY_ADMIN_KEY at the aggregator and send it as Authorization: Bearer <key>, or listen on HOST=127.0.0.1 and call it by that address.',
    );
  }
}

const refusal = (status: number, code: string, message: string) =>
  new HttpException({ error: { code, message } }, status);

const digestOf = (key: string) => createHash('sha256').update(key).digest();

/** The Host header without its port. */
const nameOf = (header = '') => header.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
