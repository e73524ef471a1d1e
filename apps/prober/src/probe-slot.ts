import { createHash } from 'node:crypto';

/** How often a target is pinged, and how far each ping may be moved. */
export interface ProbeRhythm {
  /** Length of a slot, in milliseconds. */
  intervalMs: number;
  /** Share of the interval (0–0.9) by which a ping may come after the start of its slot. */
  jitter: number;
}

/**
 * Where in the interval the slots of a target begin, in milliseconds. It comes from the name alone, so all probers agree without
 * talking to each other, and the targets of a long list are not pinged all at once.
 */
export function phaseOf(target: string, intervalMs: number): number {
  return Math.floor(fractionOf(target) * intervalMs);
}

/** The slot of `target` to which `nowMs` (epoch milliseconds) belongs. */
export function slotAt(target: string, nowMs: number, intervalMs: number): number {
  return Math.floor((nowMs - phaseOf(target, intervalMs)) / intervalMs);
}

/** When `slot` begins, epoch milliseconds. It ends where the next one begins. */
export function slotStart(target: string, slot: number, intervalMs: number): number {
  return slot * intervalMs + phaseOf(target, intervalMs);
}

/** When the ping of `slot` is due, epoch milliseconds: always inside the slot, and the same for every prober. */
export function probeDueAt(target: string, slot: number, { intervalMs, jitter }: ProbeRhythm): number {
  return slotStart(target, slot, intervalMs) + Math.floor(fractionOf(`${target}#${slot}`) * jitter * intervalMs);
}

/** Whether `slot` has ended by `nowMs`: its ping would measure what the next one measures anyway. */
export function slotIsOver(target: string, slot: number, nowMs: number, intervalMs: number): boolean {
  return nowMs >= slotStart(target, slot + 1, intervalMs);
}

/** A number in [0, 1) that depends on `text` alone, evenly spread; the same on every machine and in every version. */
function fractionOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
